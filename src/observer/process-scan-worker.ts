// The thread that reads the process table. Before it reads a command line it writes the pid into
// shared memory: when it hangs there, the main thread sees on which process.

import { parentPort, workerData } from "node:worker_threads";
import { type KnownProcess, ProcessScan, type ScanInput } from "./process-scan.ts";

export interface ProcessScanWorkerData {
  readonly known: readonly KnownProcess[];
  /** One 32-bit integer: the pid whose command line is being read, 0 while none is. */
  readonly reading: SharedArrayBuffer;
}

const { known, reading } = workerData as ProcessScanWorkerData;
const readingPid = new Int32Array(reading);
const scan = new ProcessScan(known, (pid) => Atomics.store(readingPid, 0, pid));

parentPort?.on("message", (input: ScanInput) => parentPort?.postMessage(scan.run(input)));
