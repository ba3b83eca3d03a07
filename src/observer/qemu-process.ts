// Reading one process: its status line and its command line. No I/O here.

import { parseVmUuid, type VmUuid } from "../core/vm-uuid.ts";

/** What /proc/PID/stat says, as far as it matters here (proc(5)). */
export interface ProcessStat {
  /** Name of the program, cut at 15 characters; changes at exec. */
  readonly comm: string;
  /** One letter: R and S run or wait for work, Z ended and was not reaped. */
  readonly state: string;
  readonly threads: number;
  /** A thread of the kernel: it has no command line, ever. */
  readonly isKernelThread: boolean;
  /** Clock ticks since boot; with the pid it identifies a process. */
  readonly startTime: string;
}

// Positions behind the closing parenthesis of comm; proc(5) counts from 1 and comm is field 2.
const stateField = 3 - 3;
const flagsField = 9 - 3;
const threadsField = 20 - 3;
const startTimeField = 22 - 3;

/** PF_KTHREAD (linux/sched.h). */
const kernelThreadFlag = 0x20_0000;

/** Parses /proc/PID/stat; undefined if it is not one. */
export function parseStat(text: string): ProcessStat | undefined {
  // comm may hold anything, spaces and parentheses too: it ends at the last one.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const state = fields[stateField];
  const startTime = fields[startTimeField];
  const threads = Number(fields[threadsField]);
  if (state === undefined || startTime === undefined || !(threads >= 0)) return undefined;
  const isKernelThread = (Number(fields[flagsField]) & kernelThreadFlag) !== 0;
  return { comm: text.slice(open + 1, close), state, threads, isKernelThread, startTime };
}

/**
 * Whether a process still runs. A process whose first thread has ended is shown as Z although
 * another of its threads may hang in the kernel, writing to a disk: that one is alive.
 */
export function isAlive({ state, threads }: ProcessStat): boolean {
  const isOver = state === "Z" || state === "X" || state === "x";
  return !isOver || threads > 1;
}

/**
 * Whether a living process runs, or would if there were something to do. One that was stopped (T, t),
 * hangs in the kernel (D) or is on its way out does not: libvirt, told to destroy its domain, waits
 * for it with the domain locked.
 */
export function isResponsive({ state }: ProcessStat): boolean {
  return state === "R" || state === "S" || state === "I";
}

// QEMU under its own names and those of the distributions; not qemu-img, qemu-nbd, qemu-io.
const qemuProgram = /^(qemu-system-[\w-]+|qemu-kvm|kvm|qemu)$/;

/** The uuid of the VM that a command line runs; undefined if the program is not QEMU. */
export function qemuUuid(commandLine: string): VmUuid | undefined {
  const words = commandLine.split("\0");
  const program = words[0]?.split("/").at(-1) ?? "";
  if (!qemuProgram.test(program) && !isStartedByLibvirt(words)) return undefined;
  const flag = words.findIndex((word) => word === "-uuid" || word === "--uuid");
  return flag < 0 ? undefined : parseVmUuid(words[flag + 1] ?? "");
}

/** An emulator may have any name; libvirt starts each with `-name guest=NAME`. */
function isStartedByLibvirt(words: readonly string[]): boolean {
  return words.some((word, at) => word === "-name" && words[at + 1]?.startsWith("guest="));
}

/** A child of libvirt's daemon may become QEMU at any moment, with the same pid and start time. */
export function mayBecomeQemu(comm: string): boolean {
  return comm.includes("libvirtd") || comm.includes("virtqemud");
}

// "qemu:NAME" is what libvirt calls a process where set_process_name is on (qemu.conf).
const qemuComm = /^(qemu-system-.*|qemu:.*|qemu-kvm|kvm|qemu)$/s;

/** Whether a program's name is one that QEMU processes have, so that it must be identified. */
export function looksLikeQemu(comm: string): boolean {
  return qemuComm.test(comm);
}
