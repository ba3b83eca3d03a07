// A folder in the layout of /proc, for the files that are read of it. Reading a command line can be
// made to hang for real: it becomes a FIFO that nobody writes to.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

export interface FakeProcess {
  readonly comm?: string;
  readonly args?: readonly string[];
  readonly state?: string;
  readonly threads?: number;
  readonly startTime?: number;
  readonly isKernelThread?: boolean;
}

/** A QEMU as libvirt starts it. */
export function qemu(vmUuid: string, more: FakeProcess = {}): FakeProcess {
  const args = ["/usr/bin/qemu-system-x86_64", "-name", "guest=web", "-S", "-uuid", vmUuid];
  return { comm: "qemu-system-x86", args, ...more };
}

export function statLine(pid: number, { comm = "bash", ...of }: FakeProcess): string {
  const { state = "S", threads = 1, startTime = 4711, isKernelThread = false } = of;
  const flags = isKernelThread ? 69_238_880 : 4_194_560; // as of a kworker and of a bash
  const fields5To19 = `1 1 0 -1 ${flags} 1 2 3 4 5 6 7 8 20 0`;
  return `${pid} (${comm}) ${state} 1 ${fields5To19} ${threads} 0 ${startTime} 9 9\n`;
}

export class ProcFolder implements Disposable {
  readonly path = mkdtempSync(path.join(tmpdir(), "vmsyncd-proc-"));
  readonly #hanging = new Set<number>();
  readonly #held = new Map<number, number>();

  constructor() {
    this.add(1, { comm: "systemd", args: ["/sbin/init"] });
    mkdirSync(path.join(this.path, "sys")); // what is no process stands there too
    mkdirSync(path.join(this.path, "05"));
  }

  /** Adds a process, or makes another of it. */
  add(pid: number, of: FakeProcess = {}): void {
    mkdirSync(path.join(this.path, String(pid)), { recursive: true });
    this.write(pid, "stat", statLine(pid, of));
    this.write(pid, "cmdline", (of.args ?? ["bash"]).map((word) => `${word}\0`).join(""));
  }

  write(pid: number, file: "stat" | "cmdline", text: string): void {
    writeFileSync(this.#file(pid, file), text);
  }

  /** The process is there, its files cannot be read: each is a folder. */
  makeUnreadable(pid: number, file: "stat" | "cmdline"): void {
    rmSync(this.#file(pid, file), { force: true });
    mkdirSync(this.#file(pid, file), { recursive: true });
  }

  remove(pid: number): void {
    rmSync(path.join(this.path, String(pid)), { recursive: true, force: true });
  }

  /** From now on whoever reads the command line of this process hangs. */
  hang(pid: number, of: FakeProcess = qemu(uuid(pid))): void {
    mkdirSync(path.join(this.path, String(pid)), { recursive: true });
    rmSync(this.#file(pid, "cmdline"), { force: true });
    // Known under a second name too, by which readers are let go when the process is gone.
    execFileSync("sh", ["-c", 'mkfifo "$0"', this.#fifo(pid)]);
    linkSync(this.#fifo(pid), this.#file(pid, "cmdline"));
    this.#hanging.add(pid);
    this.write(pid, "stat", statLine(pid, of)); // last: nobody sees the process before it hangs
  }

  /** Whether somebody hangs on this process by now; who does goes on to. */
  hasReader(pid: number): boolean {
    if (this.#held.has(pid)) return true;
    try {
      const failsWithoutReader = constants.O_WRONLY | constants.O_NONBLOCK;
      // An open writer that does not write: the reader now hangs in read(2) instead of open(2).
      this.#held.set(pid, openSync(this.#fifo(pid), failsWithoutReader));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
      return false;
    }
  }

  /** Lets go who hangs on this process: it reads the text. False if nobody hangs there. */
  release(pid: number, text = ""): boolean {
    if (!this.hasReader(pid)) return false;
    const descriptor = this.#held.get(pid) ?? -1;
    this.#held.delete(pid);
    writeSync(descriptor, text);
    closeSync(descriptor);
    return true;
  }

  /** The process that readers hung on ends: they find that it is gone. */
  end(pid: number): void {
    this.remove(pid);
    this.release(pid);
    rmSync(this.#fifo(pid));
    this.#hanging.delete(pid);
  }

  [Symbol.dispose](): void {
    // A thread that hangs could never end, and neither could the process of the test.
    for (const pid of this.#hanging) this.release(pid);
    rmSync(this.path, { recursive: true, force: true });
  }

  #fifo(pid: number): string {
    return path.join(this.path, `fifo-${pid}`);
  }

  #file(pid: number, name: string): string {
    return path.join(this.path, String(pid), name);
  }
}
