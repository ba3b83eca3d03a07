// The process table as the main thread sees it: bounded in time, whatever a process does to its
// reader. A thread that hangs is left to itself and replaced; the process that it hung on is not
// read again, and until it is gone the table counts as not whole.

import { Worker } from "node:worker_threads";
import type { KnownProcess, ScanInput, ScanResult } from "./process-scan.ts";
import type { ProcessScanWorkerData } from "./process-scan-worker.ts";
import { expired, within } from "./within.ts";

export interface ProcessLook {
  readonly qemus: ReadonlySet<string>;
  /** Those among them that do not react; absent: none. */
  readonly unresponsive?: ReadonlySet<string>;
  /** Why not every process was looked at; undefined if every one was. */
  readonly problem?: {
    readonly code: "process-table-unreadable" | "process-table-slow";
    readonly detail: string;
  };
}

/** Threads that may hang at once; beyond it the table is not read any more. */
const hungWorkersMax = 4;
/** A pass ends itself before the thread counts as hung, by a tenth of the limit or by this. */
const hangMarginMsMax = 100;
/** Longest wait, when the table is given up, for a thread that reads a command line to end. */
const disposeReadingLimitMs = 100;
/**
 * The same for one that reads none. It may be starting still, which nothing interrupts: 0.2 s on an
 * idle machine, and many times that on a busy one.
 */
const disposeLimitMs = 5_000;
/** A thread that has not answered for so long after its start never will. */
const startLimitMs = 30_000;

/** A thread that reads. */
interface Reader {
  readonly worker: Worker;
  readonly reading: Int32Array;
  readonly startedAtMs: number;
  /** Its first answer is awaited still, and for longer than the question was: it is slow to start. */
  late?: Promise<Error | undefined>;
  hasAnswered: boolean;
}

export class ProcessTable implements AsyncDisposable {
  readonly #procPath: string;
  readonly #known = new Map<number, KnownProcess>();
  readonly #stuckPids = new Set<number>();
  readonly #hung = new Set<Worker>();
  #current: Reader | undefined;
  #scanning: Promise<unknown> = Promise.resolve();

  /** @param procPath /proc, or that of another pid namespace */
  constructor(procPath: string) {
    this.#procPath = procPath;
  }

  /**
   * Threads that hang on a process right now. Node waits for them when it exits, however it is
   * told to: a process with one ends only by SIGKILL.
   */
  get hungWorkers(): number {
    return this.#hung.size;
  }

  /** Starts the thread ahead of the first look, which would wait for it. */
  prepare(): void {
    try {
      this.#current ??= this.#startWorker();
    } catch {
      // The first look says why.
    }
  }

  /**
   * One pass over the table. It begins when the one before it has ended, since that one began
   * before this question; it never rejects, and ends within `limitMs` of its beginning.
   */
  look(limitMs: number): Promise<ProcessLook> {
    const look = this.#scanning.then(() => this.#scan(limitMs));
    this.#scanning = look;
    return look;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those that hang were told to end when they did. This one may hang too, not found out yet:
    // no thread in the kernel lets itself be waited for.
    if (this.#current === undefined) return;
    const { worker, reading } = this.#current;
    this.#current = undefined;
    const terminated = worker.terminate();
    const startedAt = performance.now();
    let ended = await within(startedAt + disposeReadingLimitMs, terminated);
    if (ended === expired && Atomics.load(reading, 0) === 0) {
      ended = await within(startedAt + disposeLimitMs, terminated);
    }
    if (ended !== expired) return;
    this.#hung.add(worker);
    void terminated.then(() => this.#hung.delete(worker));
  }

  async #scan(limitMs: number): Promise<ProcessLook> {
    if (this.#hung.size >= hungWorkersMax) {
      const detail = `cannot read ${this.#procPath}: ${this.#hung.size} readers hang`;
      return { qemus: new Set(), problem: { code: "process-table-slow", detail } };
    }
    try {
      this.#current ??= this.#startWorker();
    } catch (error) {
      return unreadable(this.#procPath, error as Error); // a limit on threads, most likely
    }
    const reader = this.#current;
    const { worker } = reader;
    const deadline = performance.now() + limitMs;
    if (reader.late !== undefined) {
      // What it answers is older than this question.
      const word = await within(deadline, reader.late);
      if (word === expired) return this.#notStarted(reader, limitMs);
      if (word instanceof Error) {
        this.#current = undefined;
        return unreadable(this.#procPath, word);
      }
      delete reader.late;
    }
    const leftMs = Math.max(1, deadline - performance.now());
    const input: ScanInput = {
      procPath: this.#procPath,
      limitMs: leftMs - Math.min(hangMarginMsMax, leftMs / 10),
      stuckPids: [...this.#stuckPids],
    };
    const result = await ask(worker, input, leftMs);
    if (result === "hung" && !reader.hasAnswered) {
      reader.late = firstWordOf(worker);
      return this.#notStarted(reader, limitMs);
    }
    if (result === "hung") return this.#abandon(worker, reader.reading, limitMs);
    reader.hasAnswered = true;
    if (result instanceof Error) {
      this.#current = undefined;
      return unreadable(this.#procPath, result);
    }
    for (const pid of result.gone) this.#known.delete(pid);
    for (const process of result.learned) this.#known.set(process.pid, process);
    const { problem, unresponsive } = result;
    return {
      qemus: new Set(result.qemus),
      ...(unresponsive.length === 0 ? {} : { unresponsive: new Set(unresponsive) }),
      ...(problem === undefined
        ? {}
        : { problem: { code: "process-table-unreadable", detail: problem } }),
    };
  }

  /** Thrown away, the next one would be as slow to start: the table would never be read. */
  #notStarted({ worker, reading, startedAtMs }: Reader, limitMs: number): ProcessLook {
    // It has started, and hangs on a process; or it will never start.
    const isReading = Atomics.load(reading, 0) !== 0;
    if (isReading || performance.now() - startedAtMs > startLimitMs) {
      return this.#abandon(worker, reading, limitMs);
    }
    const detail = `cannot read ${this.#procPath} within ${limitMs} ms: the thread that reads it has not started yet`;
    return { qemus: new Set(), problem: { code: "process-table-slow", detail } };
  }

  #abandon(worker: Worker, reading: Int32Array, limitMs: number): ProcessLook {
    const pid = Atomics.load(reading, 0);
    this.#current = undefined;
    this.#hung.add(worker);
    if (pid !== 0) this.#stuckPids.add(pid);
    // Ends as soon as the read returns; what it hung on can then be read again.
    void worker.terminate().then(() => {
      this.#hung.delete(worker);
      this.#stuckPids.delete(pid);
    });
    const where = pid === 0 ? "" : `: reading the command line of process ${pid} hangs`;
    const detail = `cannot read ${this.#procPath} within ${limitMs} ms${where}`;
    return { qemus: new Set(), problem: { code: "process-table-slow", detail } };
  }

  #startWorker(): Reader {
    const reading = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const workerData: ProcessScanWorkerData = { known: [...this.#known.values()], reading };
    const worker = new Worker(new URL("./process-scan-worker.ts", import.meta.url), { workerData });
    worker.unref();
    // It may fail between two questions, or after it was given up.
    worker.on("error", () => {});
    const startedAtMs = performance.now();
    return { worker, reading: new Int32Array(reading), startedAtMs, hasAnswered: false };
  }
}

/** Resolves when a thread answers, or with the error that ended it. */
function firstWordOf(worker: Worker): Promise<Error | undefined> {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  worker.once("message", () => resolve(undefined));
  worker.once("error", (error: Error) => resolve(error));
  return promise;
}

function unreadable(procPath: string, { message }: Error): ProcessLook {
  const detail = `cannot read ${procPath}: ${message}`;
  return { qemus: new Set(), problem: { code: "process-table-unreadable", detail } };
}

/** One question to the thread; "hung" if it did not answer within the limit. */
function ask(
  worker: Worker,
  input: ScanInput,
  limitMs: number,
): Promise<ScanResult | Error | "hung"> {
  const { promise, resolve } = Promise.withResolvers<ScanResult | Error | "hung">();
  const settle = (result: ScanResult | Error | "hung"): void => {
    clearTimeout(timer);
    worker.off("message", settle);
    worker.off("error", settle);
    resolve(result);
  };
  // An answer that came while this thread was busy is taken before the time is called up.
  const timer = setTimeout(() => setImmediate(settle, "hung"), limitMs);
  worker.once("message", settle);
  worker.once("error", settle);
  worker.postMessage(input);
  return promise;
}
