// /proc of a simulated host: what the scan of the process table reads of it.

import type { ProcFiles } from "../../../src/observer/process-scan.ts";

export interface SimulatedProcess {
  readonly pid: number;
  readonly startTime: number;
  comm: string;
  /** Words joined by NUL, as in /proc. */
  commandLine: string;
}

/** Clock ticks of a thread that only waits: everything that the scan does not read. */
const restOfStat = (threads: number, startTime: number): string =>
  `1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 ${startTime}`;

/** @param processes the table, by pid; may change between two scans */
export function processFiles(processes: ReadonlyMap<number, SimulatedProcess>): ProcFiles {
  return {
    readdirSync: () => [...processes.keys()].map(String),
    readFileSync: (path) => {
      const [pid, file] = path.split("/").slice(-2);
      const process = processes.get(Number(pid));
      if (process === undefined) throw gone(path);
      if (file === "cmdline") return process.commandLine;
      const { comm, startTime } = process;
      return `${process.pid} (${comm}) S ${restOfStat(1, startTime)}`;
    },
  };
}

function gone(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
}
