// A worker thread that answers requests. It is started by the first of them, and again by the next
// one after it died; what it had not answered is rejected.

import { Worker } from "node:worker_threads";

/** What goes to the thread and comes back. */
export interface ThreadRequest {
  readonly id: number;
  readonly request: unknown;
}

export type ThreadReply = {
  readonly id: number;
  readonly outcome:
    | { readonly ok: true; readonly value: unknown }
    | { readonly ok: false; readonly code?: string; readonly message: string };
};

/** The thread could not do what it was asked; `code` is that of the error there, if it had one. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

export class StoreThread {
  readonly #file: URL;
  readonly #workerData: unknown;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(file: URL, workerData: unknown) {
    this.#file = file;
    this.#workerData = workerData;
  }

  /** Rejects with what went wrong in the thread, or if it ends before it answers. */
  ask(request: unknown): Promise<unknown> {
    const reply = Promise.withResolvers<unknown>();
    try {
      this.#worker ??= this.#start();
    } catch (error) {
      return Promise.reject(error); // a limit on threads, most likely
    }
    this.#lastId += 1;
    this.#asked.set(this.#lastId, reply);
    // A process waits for what it has asked, and only for that.
    this.#worker.ref();
    this.#worker.postMessage({ id: this.#lastId, request } satisfies ThreadRequest);
    return reply.promise;
  }

  /**
   * Ends the thread, whatever it is doing.
   *
   * @returns whether it has ended within the limit; if not it hangs in the kernel
   */
  async end(limitMs: number): Promise<boolean> {
    const worker = this.#worker;
    if (worker === undefined) return true;
    const hasEnded = (await within(limitMs, worker.terminate())) !== undefined;
    if (!hasEnded) this.#rejectAll("it hangs");
    return hasEnded;
  }

  #start(): Worker {
    const worker = new Worker(this.#file, { workerData: this.#workerData });
    let cause = "it was ended";
    worker.on("message", ({ id, outcome }: ThreadReply) => {
      const reply = this.#asked.get(id);
      this.#asked.delete(id);
      if (this.#asked.size === 0) worker.unref();
      if (outcome.ok) reply?.resolve(outcome.value);
      else reply?.reject(new ThreadError(outcome.message, outcome.code));
    });
    worker.on("error", (error) => {
      cause = error.message;
    });
    worker.once("exit", () => {
      this.#worker = undefined;
      this.#rejectAll(`its thread ended: ${cause}`);
    });
    return worker;
  }

  #rejectAll(cause: string): void {
    const unanswered = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject } of unanswered) reject(new ThreadError(cause));
  }
}

/** Undefined if the time was up first. */
export async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: timeUp, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), Math.max(0, limitMs));
  promise.catch(() => {});
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
