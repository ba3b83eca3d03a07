// The store as the agent sees it. Nothing here waits for a disk: one thread writes, another reads.

import { type Store, StoreFailure } from "../agent/ports.ts";
import type { HistoryQuery, StoredHistoryEntry } from "../core/history.ts";
import type { StoreBatch } from "../core/records.ts";
import type { StoreThread } from "./thread.ts";
import { within } from "./thread.ts";
import type { WriteResult } from "./writer.ts";
import type { WriterRequest } from "./writer-worker.ts";

/** Batches that share a commit at most. */
const groupMax = 256;

/** Since the start of the process. */
export interface StoreStatistics {
  /** Batches that are durable, and the commits that made them so. */
  readonly batches: number;
  readonly commits: number;
  /** Batches that could not be written. */
  readonly failures: number;
  /** Times of commits, with all that was written for them. */
  readonly lastCommitMs: number;
  readonly totalCommitMs: number;
}

interface Waiting {
  readonly batch: StoreBatch;
  readonly resolve: (lastHistoryId: number) => void;
  readonly reject: (failure: StoreFailure) => void;
}

export class SqliteStore implements Store {
  readonly #writer: StoreThread;
  readonly #reader: StoreThread;
  #identity: string | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #isClosed = false;
  #statistics: StoreStatistics = {
    batches: 0,
    commits: 0,
    failures: 0,
    lastCommitMs: 0,
    totalCommitMs: 0,
  };

  /** @param identity the file that the agent's state was read from; see `openStore` */
  constructor(writer: StoreThread, reader: StoreThread, identity: string | undefined) {
    this.#writer = writer;
    this.#reader = reader;
    this.#identity = identity;
  }

  get statistics(): StoreStatistics {
    return this.#statistics;
  }

  /** Batches that arrive while a commit is under way share the next one, in their order. */
  write(batch: StoreBatch): Promise<number> {
    if (this.#isClosed) return Promise.reject(closed());
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.push({ batch, resolve, reject });
    this.#writing ??= this.#writeAll();
    return promise;
  }

  async history(query: HistoryQuery): Promise<readonly StoredHistoryEntry[]> {
    if (this.#isClosed) throw closed();
    try {
      return (await this.#reader.ask(query)) as readonly StoredHistoryEntry[];
    } catch (error) {
      const sentence = `cannot read the history: ${(error as Error).message}`;
      throw new StoreFailure("failed", sentence, { cause: error });
    }
  }

  /**
   * Writes what waits, and ends both threads. What is not written within the limit is rejected.
   *
   * @returns whether both have ended; if not one hangs in the kernel, and the process ends only by
   *   SIGKILL
   */
  async close(limitMs: number): Promise<boolean> {
    this.#isClosed = true;
    const deadline = performance.now() + limitMs;
    const left = (): number => Math.max(0, deadline - performance.now());
    const isIdle = await within(left(), this.#closeWriter());
    // A thread that is amid a flush does not end before it; one that is idle does at once.
    const grace = isIdle === undefined ? 0 : threadEndLimitMs;
    const ended = await Promise.all([
      this.#writer.end(Math.max(grace, left())),
      this.#reader.end(Math.max(grace, left())),
    ]);
    this.#rejectWaiting(closed());
    return ended.every((hasEnded) => hasEnded);
  }

  async #closeWriter(): Promise<true> {
    await this.#writing;
    await this.#writer.ask({ kind: "close" } satisfies WriterRequest).catch(() => {});
    return true;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupMax);
      // One at a time: each waits for the commit before it.
      await this.#writeGroup(group);
    }
    this.#writing = undefined;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    let result: WriteResult;
    try {
      const batches = group.map(({ batch }) => batch);
      const request: WriterRequest = { kind: "write", batches, identity: this.#identity };
      result = (await this.#writer.ask(request)) as WriteResult;
    } catch (error) {
      const code = this.#isClosed ? "closed" : "failed";
      const sentence = `cannot write to the store: ${(error as Error).message}`;
      const failure = new StoreFailure(code, sentence, { cause: error });
      this.#count({ batches: 0, failures: group.length });
      for (const { reject } of group) reject(failure);
      return;
    }
    this.#identity = result.identity;
    const failures = result.failures.filter((failure) => failure !== undefined).length;
    this.#count({ batches: group.length - failures, failures, result });
    for (const [index, { resolve, reject }] of group.entries()) {
      const failure = result.failures[index];
      if (failure === undefined) resolve(result.lastHistoryIds[index] ?? 0);
      else reject(new StoreFailure(failure.code, failure.message));
    }
  }

  #count(of: { batches: number; failures: number; result?: WriteResult }): void {
    const before = this.#statistics;
    const { commits, commitMs } = of.result ?? { commits: 0, commitMs: 0 };
    this.#statistics = {
      batches: before.batches + of.batches,
      commits: before.commits + commits,
      failures: before.failures + of.failures,
      lastCommitMs: commits > 0 ? commitMs / commits : before.lastCommitMs,
      totalCommitMs: before.totalCommitMs + commitMs,
    };
  }

  #rejectWaiting(failure: StoreFailure): void {
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }
}

/** An idle thread ends in milliseconds; a busy machine is given this. */
const threadEndLimitMs = 5_000;

function closed(): StoreFailure {
  return new StoreFailure("closed", "cannot use the store: it is closed");
}
