// Histories on all cores.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Violation } from "./world/world.ts";

export interface WorkerSettings {
  /** Name of the bug to plant. */
  readonly bug: string | undefined;
}

export type Job =
  | { readonly kind: "run"; readonly fromSeed: number; readonly count: number }
  | { readonly kind: "replay"; readonly seed: number }
  | { readonly kind: "shrink"; readonly seed: number; readonly guarantee: string };

export interface Failure {
  readonly seed: number;
  readonly violations: readonly Violation[];
}

export interface Replay {
  readonly plan: string;
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly timeline: string;
}

export type JobResult =
  | (Extract<Job, { kind: "run" }> & { readonly failure: Failure | undefined })
  | (Extract<Job, { kind: "replay" | "shrink" }> & Replay);

/** Histories that a worker takes at a time. */
const batch = 25;

export interface Outcome {
  /** Histories that were run without a failure before the first one that failed, or in all. */
  readonly histories: number;
  /** The failure of the lowest seed. */
  readonly failure: Failure | undefined;
}

/** Runs histories of consecutive seeds until one fails. */
export async function runHistories(
  fromSeed: number,
  count: number,
  bug: string | undefined,
  onProgress: (histories: number) => void = () => {},
): Promise<Outcome> {
  let next = fromSeed;
  let done = 0;
  const failures: Failure[] = [];
  const end = fromSeed + count;
  const work = async (): Promise<void> => {
    await using worker = new HistoryWorker(bug);
    while (next < end && failures.length === 0) {
      const from = next;
      next = Math.min(end, next + batch);
      const result = await worker.do({ kind: "run", fromSeed: from, count: next - from });
      if (result.kind !== "run") throw new Error("cannot use another job's result");
      done += next - from;
      onProgress(done);
      if (result.failure !== undefined) failures.push(result.failure);
    }
  };
  const workers = Math.min(availableParallelism(), Math.ceil(count / batch));
  await Promise.all(Array.from({ length: workers }, work));
  const [failure] = failures.toSorted((one, other) => one.seed - other.seed);
  const histories = failure === undefined ? count : failure.seed - fromSeed + 1;
  return { histories, failure };
}

/** The histories of these seeds, one after the other on one thread. */
export async function replay(
  seeds: readonly number[],
  bug: string | undefined,
): Promise<readonly Replay[]> {
  await using worker = new HistoryWorker(bug);
  const replays: Replay[] = [];
  for (const seed of seeds) replays.push(asReplay(await worker.do({ kind: "replay", seed })));
  return replays;
}

/** The shortest history of a seed that still breaks the promise. */
export async function shortest(
  seed: number,
  guarantee: string,
  bug: string | undefined,
): Promise<Replay> {
  await using worker = new HistoryWorker(bug);
  return asReplay(await worker.do({ kind: "shrink", seed, guarantee }));
}

function asReplay(result: JobResult): Replay {
  if (result.kind === "run") throw new Error("cannot use another job's result");
  return result;
}

class HistoryWorker implements AsyncDisposable {
  readonly #worker: Worker;

  constructor(bug: string | undefined) {
    const workerData: WorkerSettings = { bug };
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData });
  }

  do(job: Job): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        this.#worker.removeAllListeners("message");
        this.#worker.removeAllListeners("error");
        run();
      };
      this.#worker.on("error", (error) => settle(() => reject(error)));
      this.#worker.on("message", (result: JobResult | { error: string }) => {
        settle(() => {
          if ("error" in result) reject(new Error(result.error));
          else resolve(result);
        });
      });
      this.#worker.postMessage(job);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
