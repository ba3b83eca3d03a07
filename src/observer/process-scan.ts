// One pass over the process table: which VMs have a living QEMU. Synchronous, because it runs on a
// thread of its own (process-scan-worker.ts): reading the command line of a stuck process can hang.
//
// INVARIANTS (all measured on real hosts):
// - "This is the QEMU of U" is final per (pid, start time).
// - "This is no QEMU" holds only per (pid, start time, comm), and never while the program is
//   libvirt's daemon: its child becomes QEMU with the same pid and start time. Nor while it has
//   QEMU's name: a wrapper script of that name becomes QEMU without even a change of comm. Nor
//   while it has no command line: at an exec the kernel changes comm first.
// - So every process is looked at in every pass, and only its command line is remembered.

import { readdirSync, readFileSync } from "node:fs";
import type { VmUuid } from "../core/vm-uuid.ts";
import {
  isAlive,
  isResponsive,
  looksLikeQemu,
  mayBecomeQemu,
  type ProcessStat,
  parseStat,
  qemuUuid,
} from "./qemu-process.ts";

/** What was learned of a process; `vmUuid` undefined: no QEMU, as long as it is called `comm`. */
export interface KnownProcess {
  readonly pid: number;
  readonly startTime: string;
  readonly comm: string;
  readonly vmUuid: VmUuid | undefined;
}

export interface ScanResult {
  /** VMs whose QEMU was seen alive. */
  readonly qemus: readonly VmUuid[];
  /** Those among them whose QEMU does not react, so that libvirt may wait for it. */
  readonly unresponsive: readonly VmUuid[];
  /** Why not every process could be looked at; undefined if every one was. */
  readonly problem: string | undefined;
  /** Command lines read in this pass. */
  readonly learned: readonly KnownProcess[];
  /** Processes that earlier passes learned and that are gone. */
  readonly gone: readonly number[];
}

export interface ScanInput {
  /** /proc, or that of another pid namespace. */
  readonly procPath: string;
  /** Limit on the whole pass; it is cut short there. */
  readonly limitMs: number;
  /** Processes whose command line hung its reader: not read again. */
  readonly stuckPids: readonly number[];
}

/** How the files below /proc are read; a simulation puts its own in the place of node:fs. */
export interface ProcFiles {
  readdirSync(path: string): string[];
  readFileSync(path: string, encoding: "utf8"): string;
}

const procFiles: ProcFiles = { readdirSync, readFileSync };

const pidName = /^[1-9]\d*$/;

export class ProcessScan {
  readonly #known = new Map<number, KnownProcess>();
  readonly #onRead: (pid: number) => void;
  readonly #files: ProcFiles;

  /**
   * @param known what earlier passes learned
   * @param onRead told before a command line is read, and 0 afterwards
   */
  constructor(
    known: readonly KnownProcess[],
    onRead: (pid: number) => void = () => {},
    files: ProcFiles = procFiles,
  ) {
    for (const process of known) this.#known.set(process.pid, process);
    this.#onRead = onRead;
    this.#files = files;
  }

  run({ procPath, limitMs, stuckPids }: ScanInput): ScanResult {
    const deadline = performance.now() + limitMs;
    const qemus: VmUuid[] = [];
    const unresponsive: VmUuid[] = [];
    const learned: KnownProcess[] = [];
    const pids = listPids(this.#files, procPath);
    if (typeof pids === "string") {
      return { qemus, unresponsive, learned, gone: [], problem: pids };
    }
    const gone = this.#forgetAllBut(pids);
    let problem: string | undefined;
    for (const pid of pids) {
      if (performance.now() > deadline) {
        problem ??= `cannot read ${procPath} within ${limitMs} ms: ${pids.length} processes`;
        break;
      }
      try {
        const stat = readStat(this.#files, procPath, pid);
        if (stat === undefined || !isAlive(stat)) continue;
        const found = this.#identify(procPath, pid, stat, stuckPids);
        if (found?.vmUuid !== undefined) {
          qemus.push(found.vmUuid);
          if (!isResponsive(stat)) unresponsive.push(found.vmUuid);
        }
        if (found !== undefined && this.#known.get(pid) !== found) {
          this.#known.set(pid, found);
          learned.push(found);
        }
      } catch (error) {
        problem ??= (error as Error).message;
      }
    }
    // /proc may have been remounted with hidepid meanwhile, and then processes only seemed gone.
    problem ??= hasInit(this.#files, procPath) ? undefined : hiddenText(procPath);
    return { qemus, unresponsive, learned, gone, problem };
  }

  /** What this process is; undefined if it is gone or may still become something else. */
  #identify(
    procPath: string,
    pid: number,
    stat: ProcessStat,
    stuckPids: readonly number[],
  ): KnownProcess | undefined {
    const { comm, startTime } = stat;
    const known = this.#known.get(pid);
    if (known?.startTime === startTime) {
      if (known.vmUuid !== undefined || known.comm === comm) return known;
    }
    if (stuckPids.includes(pid)) {
      throw new Error(`cannot identify process ${pid} (${comm}): reading its command line hangs`);
    }
    this.#onRead(pid);
    const commandLine = readProcessFile(this.#files, `${procPath}/${pid}/cmdline`);
    this.#onRead(0);
    if (commandLine === undefined) return undefined;
    const vmUuid = qemuUuid(commandLine);
    if (vmUuid === undefined && mayBecomeQemu(comm)) return undefined;
    // On its way out a process has no command line any more, and may still hold its disk.
    if (commandLine === "" && (looksLikeQemu(comm) || hangsAtItsEnd(stat))) {
      throw new Error(`cannot identify process ${pid} (${comm}): it has no command line`);
    }
    // Nor has it one yet in the middle of an exec, when comm is already that of the new program.
    if (vmUuid === undefined && (commandLine === "" || looksLikeQemu(comm))) return undefined;
    return { pid, startTime, comm, vmUuid };
  }

  #forgetAllBut(pids: readonly number[]): number[] {
    const present = new Set(pids);
    const gone = [...this.#known.keys()].filter((pid) => !present.has(pid));
    for (const pid of gone) this.#known.delete(pid);
    return gone;
  }
}

/**
 * Whether a process without a command line is on its way out and hangs there: a QEMU may, whatever
 * its name.
 */
function hangsAtItsEnd({ state, threads, isKernelThread }: ProcessStat): boolean {
  return !isKernelThread && (state === "D" || (state === "Z" && threads > 1));
}

/** Pids of all processes, or a sentence why they cannot be had. */
function listPids(files: ProcFiles, procPath: string): number[] | string {
  try {
    const pids = files
      .readdirSync(procPath)
      .filter((name) => pidName.test(name))
      .map(Number);
    // Every process table has a process 1. Who does not see it does not see others either, and
    // with no active domain known to libvirt nothing else would tell.
    if (pids.includes(1)) return pids;
    return hiddenText(procPath);
  } catch (error) {
    return `cannot read ${procPath}: ${(error as Error).message}`;
  }
}

function hiddenText(procPath: string): string {
  return `cannot read ${procPath}: it does not show process 1; is it mounted with hidepid?`;
}

/** Whether process 1 can be read still. */
function hasInit(files: ProcFiles, procPath: string): boolean {
  try {
    return readProcessFile(files, `${procPath}/1/stat`) !== undefined;
  } catch {
    return false;
  }
}

/** The status line of a process; undefined if it is gone. */
function readStat(files: ProcFiles, procPath: string, pid: number): ProcessStat | undefined {
  const text = readProcessFile(files, `${procPath}/${pid}/stat`);
  if (text === undefined) return undefined;
  const stat = parseStat(text);
  if (stat === undefined) throw new Error(`cannot read process ${pid}: no status line`);
  return stat;
}

/** Text of a file below /proc/PID; undefined if the process is gone. */
function readProcessFile(files: ProcFiles, path: string): string | undefined {
  try {
    return files.readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw new Error(`cannot read ${path}: ${message}`, { cause: error });
  }
}
