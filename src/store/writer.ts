// The one who writes. Runs in a thread of its own, where a flush of the disk may take as long as it
// likes.
//
// INVARIANT: batches are changes, so they are written only to the file that the agent's state was
// read from, or to a new one if there was none.

import type { DatabaseSync } from "node:sqlite";
import type { StoreFailureCode } from "../agent/ports.ts";
import type { StoreBatch } from "../core/records.ts";
import { beginStore, type BegunStore, type Writing } from "./begin.ts";
import { connectWriter } from "./connect.ts";
import { failureCodeOf, writeRemedy } from "./errors.ts";
import { databaseFile, identityOf, logFile } from "./files.ts";
import type { FoundStore } from "./handover.ts";
import { type HistoryRetention, historyWriter, lastHistoryId } from "./history.ts";
import { StoreLock } from "./lock.ts";
import { metaWriter } from "./meta.ts";
import { versionOf, migrations } from "./schema.ts";
import { TableWriter } from "./table.ts";
import { claimTable, floorTable, nodeTable, stopTable, tombstoneTable } from "./tables.ts";

export interface WriterOptions {
  readonly folder: string;
  readonly retention: HistoryRetention;
}

/** What became of one batch; undefined: it is durable. */
export type BatchFailure = { readonly code: StoreFailureCode; readonly message: string };

export interface WriteResult {
  /** One per batch. */
  readonly failures: readonly (BatchFailure | undefined)[];
  /** Of each batch: id of the last entry of the history after it; 0 where it failed. */
  readonly lastHistoryIds: readonly number[];
  /** Which file was written; undefined if none ever was. */
  readonly identity: string | undefined;
  /** Commits that succeeded, and how long they took together. */
  readonly commits: number;
  readonly commitMs: number;
}

/** @returns id of the last entry of the history */
type ApplyBatch = (batch: StoreBatch) => number;

export class StoreWriter {
  readonly #folder: string;
  readonly #retention: HistoryRetention;
  #writing: (Writing & { readonly apply: ApplyBatch }) | undefined;
  #identity: string | undefined;
  /** The log that the connection writes; undefined before its first commit. */
  #logIdentity: string | undefined;
  #commits = 0;
  #commitMs = 0;
  #lastHistoryIds: readonly number[] = [];

  /** @param identity the file of the agent's state, if another thread has opened it before */
  constructor({ folder, retention }: WriterOptions, identity?: string) {
    this.#folder = folder;
    this.#retention = retention;
    this.#identity = identity;
  }

  /** @throws StoreError */
  begin(): FoundStore {
    const begun = beginStore(this.#folder, () => new Date());
    this.#use(begun);
    return { past: begun.past, identity: begun.identity, canWrite: begun.writing !== undefined };
  }

  /** Writes batches in one commit; if that fails, each in one of its own. Never throws. */
  write(batches: readonly StoreBatch[]): WriteResult {
    [this.#commits, this.#commitMs] = [0, 0];
    const together = this.#attempt(batches);
    let lastHistoryIds = this.#lastHistoryIds;
    let failures = batches.map(() => together);
    if (together !== undefined && batches.length > 1) {
      const outcomes = batches.map((batch) => {
        return { failure: this.#attempt([batch]), lastId: this.#lastHistoryIds[0] ?? 0 };
      });
      failures = outcomes.map(({ failure }) => failure);
      lastHistoryIds = outcomes.map(({ lastId }) => lastId);
    }
    const [identity, commits, commitMs] = [this.#identity, this.#commits, this.#commitMs];
    return { failures, lastHistoryIds, identity, commits, commitMs };
  }

  close(): void {
    const writing = this.#writing;
    this.#writing = undefined;
    this.#logIdentity = undefined;
    try {
      writing?.database.close();
    } finally {
      writing?.lock[Symbol.dispose]();
    }
  }

  #attempt(batches: readonly StoreBatch[]): BatchFailure | undefined {
    const startedAt = performance.now();
    this.#lastHistoryIds = batches.map(() => 0);
    try {
      const { database, apply } = this.#ready();
      database.exec("BEGIN IMMEDIATE");
      const lastHistoryIds = batches.map((batch) => apply(batch));
      database.exec("COMMIT");
      this.#saveRemovedLog(database);
      this.#commits += 1;
      this.#commitMs += performance.now() - startedAt;
      this.#lastHistoryIds = lastHistoryIds;
      return undefined;
    } catch (error) {
      const code = failureCodeOf(error, this.#folder);
      this.#recover(code);
      const remedy = writeRemedy(code, this.#folder);
      const message = remedy ?? `cannot write to the store: ${(error as Error).message}`;
      return { code, message };
    }
  }

  #ready(): Writing & { readonly apply: ApplyBatch } {
    const file = databaseFile(this.#folder);
    if (this.#writing === undefined) {
      if (this.#identity === undefined) this.#beginLate();
      else this.#reconnect(file, this.#identity);
    }
    // A store that was moved or deleted under a running agent can still be written, for nothing.
    if (this.#writing === undefined || identityOf(file) !== this.#identity) {
      throw new Error(`${file} is not the file that was opened: start the agent anew`);
    }
    return this.#writing;
  }

  /**
   * A log that was removed under a running agent is still written, and is gone with the process: what
   * is in it is brought into the database, and the next write begins another.
   */
  #saveRemovedLog(database: DatabaseSync): void {
    const identity = identityOf(logFile(databaseFile(this.#folder)));
    this.#logIdentity ??= identity;
    if (identity === this.#logIdentity && identity !== undefined) return;
    const row = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    this.#giveUp();
    if (row?.["busy"] !== 0) throw new Error("its log was removed");
  }

  /** There was nothing that could be read, nor a way to begin anew; now there may be. */
  #beginLate(): void {
    const begun = beginStore(this.#folder, () => new Date());
    const { state, detail } = begun.past;
    if (state !== undefined) {
      begun.writing?.database.close();
      begun.writing?.lock[Symbol.dispose]();
      throw new Error("a store has appeared that this agent did not read: start the agent anew");
    }
    if (begun.writing === undefined) throw new Error(detail ?? "it cannot be written");
    this.#use(begun);
  }

  #use({ writing, identity }: BegunStore): void {
    this.#identity = identity;
    this.#writing = writing && { ...writing, apply: this.#applierOf(writing.database) };
  }

  #reconnect(file: string, identity: string): void {
    const lock = StoreLock.take(this.#folder);
    let database: DatabaseSync | undefined;
    try {
      // SQLite would make a file that is not there.
      if (identityOf(file) !== identity) return lock[Symbol.dispose]();
      database = connectWriter(file);
      if (versionOf(database) !== migrations.length) throw new Error("its version has changed");
      this.#writing = { database, lock, apply: this.#applierOf(database) };
    } catch (error) {
      database?.close();
      lock[Symbol.dispose]();
      throw error;
    }
  }

  #applierOf(database: DatabaseSync): ApplyBatch {
    const putMeta = metaWriter(database);
    const nodes = new TableWriter(database, nodeTable);
    const claims = new TableWriter(database, claimTable);
    const tombstones = new TableWriter(database, tombstoneTable);
    const floors = new TableWriter(database, floorTable);
    const stops = new TableWriter(database, stopTable);
    const writeHistory = historyWriter(database, this.#retention);
    const lastId = lastHistoryId(database);
    return (batch) => {
      putMeta(batch);
      nodes.apply(batch.nodes);
      claims.apply(batch.claims);
      tombstones.apply(batch.tombstones);
      floors.apply(batch.floors);
      stops.apply(batch.stops);
      writeHistory(batch.history, batch.checkpoint.wallMs);
      return lastId();
    };
  }

  /** Leaves nothing of a failed transaction; a connection that cannot do that is given up. */
  #recover(code: StoreFailureCode): void {
    const database = this.#writing?.database;
    if (database === undefined) return;
    try {
      if (database.isTransaction) database.exec("ROLLBACK");
      // The log can begin anew once all of it is in the database, and then needs no more room.
      if (code === "full") database.exec("PRAGMA wal_checkpoint(PASSIVE)");
      // A file that was opened for reading stays so, whatever becomes of its file system.
      if (code === "read-only") this.#giveUp();
      else database.prepare("SELECT count(*) FROM meta").get();
    } catch {
      this.#giveUp();
    }
  }

  #giveUp(): void {
    try {
      this.close();
    } catch {
      // The next write opens another, whatever became of this one.
    }
  }
}
