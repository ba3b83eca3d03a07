// Stands in for a thread of Node's (node:worker_threads): does only what the test says.

import { EventEmitter } from "node:events";
import type { ScanInput, ScanResult } from "../../src/observer/process-scan.ts";
import type { ProcessScanWorkerData } from "../../src/observer/process-scan-worker.ts";

export class FakeThread extends EventEmitter {
  static started: FakeThread[] = [];
  /** Why no further thread can be started. */
  static refusal: Error | undefined;

  readonly workerData: ProcessScanWorkerData;
  /** Questions that it was asked. */
  readonly asked: ScanInput[] = [];
  readonly ended = Promise.withResolvers<number>();
  isTerminated = false;

  constructor(_: URL, { workerData }: { workerData: ProcessScanWorkerData }) {
    super();
    if (FakeThread.refusal !== undefined) throw FakeThread.refusal;
    this.workerData = workerData;
    FakeThread.started.push(this);
  }

  static reset(): void {
    FakeThread.started = [];
    FakeThread.refusal = undefined;
  }

  /** The one that was started last. */
  static get last(): FakeThread {
    const last = FakeThread.started.at(-1);
    if (last === undefined) throw new Error("cannot find a thread: none was started");
    return last;
  }

  postMessage(input: ScanInput): void {
    this.asked.push(input);
  }

  answer(result: Partial<ScanResult> = {}): void {
    this.emit("message", {
      qemus: [],
      unresponsive: [],
      learned: [],
      gone: [],
      problem: undefined,
      ...result,
    });
  }

  terminate(): Promise<number> {
    this.isTerminated = true;
    return this.ended.promise;
  }

  unref(): void {}
}
