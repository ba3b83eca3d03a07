// The way in: opens the store of the agent, in its threads.

import { type HistoryRetention, defaultHistoryRetention } from "./history.ts";
import type { StoredPast } from "./begin.ts";
import { type StoreErrorCode, StoreError, storeErrorCodes } from "./errors.ts";
import { defaultStoreFolder } from "./files.ts";
import { type BegunStoreAnswer, takenOver } from "./handover.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { StoreThread, ThreadError } from "./thread.ts";
import type { ReaderOptions } from "./reader-worker.ts";
import type { WriterOptions } from "./writer.ts";
import type { WriterRequest } from "./writer-worker.ts";

export interface StoreOptions {
  /** Is made if its parent is there; /var/lib/vmsyncd by default. */
  readonly folder?: string | undefined;
  /** Entries of the history that are older are dropped; 30 by default. */
  readonly historyDays?: number | undefined;
  /** Entries that are kept at most; 100,000 by default. */
  readonly historyEntriesMax?: number | undefined;
}

export interface OpenedStore {
  readonly store: SqliteStore;
  readonly past: StoredPast;
  /** Whether it could be written when it was opened; writes are tried all the same. */
  readonly canWrite: boolean;
}

const dayMs = 24 * 60 * 60 * 1000;
/** Longest wait for a thread to end that has just refused to open a store. */
const endLimitMs = 5_000;

/**
 * Opens the store of a folder; the agent that has it is the only one.
 *
 * A store that cannot be written is no error: what it says is used, and writes are rejected until the
 * disk lets them through.
 *
 * @throws StoreError if it must not be used: a newer version wrote it, another process holds it, this
 *   user may not read it, the folder cannot be made
 */
export async function openStore(options: StoreOptions = {}): Promise<OpenedStore> {
  const threadOptions: WriterOptions & ReaderOptions = {
    folder: options.folder ?? defaultStoreFolder,
    retention: retentionOf(options),
  };
  const writer = new StoreThread(new URL("./writer-worker.ts", import.meta.url), threadOptions);
  const reader = new StoreThread(new URL("./reader-worker.ts", import.meta.url), threadOptions);
  try {
    const answer = await writer.ask({ kind: "begin" } satisfies WriterRequest);
    const { past, identity, canWrite } = takenOver(answer as BegunStoreAnswer);
    return { store: new SqliteStore(writer, reader, identity), past, canWrite };
  } catch (error) {
    await writer.end(endLimitMs);
    throw storeErrorOf(error as Error);
  }
}

function retentionOf({ historyDays, historyEntriesMax }: StoreOptions): HistoryRetention {
  const { ageMsMax, rowsMax } = defaultHistoryRetention;
  return {
    ageMsMax: historyDays === undefined ? ageMsMax : historyDays * dayMs,
    rowsMax: historyEntriesMax ?? rowsMax,
  };
}

function storeErrorOf(error: Error): StoreError {
  const code = error instanceof ThreadError ? error.code : undefined;
  const isKnown = storeErrorCodes.includes(code as StoreErrorCode);
  const sentence = isKnown ? error.message : `cannot open the store: ${error.message}`;
  return new StoreError(isKnown ? (code as StoreErrorCode) : "unusable", sentence, {
    cause: error,
  });
}
