// A process table in the file layout of /proc, as far as an observer reads it: a folder a process
// with `stat` and `cmdline`. The observer is pointed at it and reads it as it reads the real one.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const qemuComm = "qemu-system-x86"; // comm is cut at 15 characters
const libvirtComm = "rpc-libvirtd";

export class ProcessTree {
  readonly procPath: string;
  readonly #startTimes = new Map<number, number>();
  #lastPid = 1_000;
  #ticks = 5_000;

  constructor(procPath: string) {
    this.procPath = procPath;
    mkdirSync(procPath, { recursive: true });
    // A host is never without processes: one that shows none could not be read.
    this.add(1, "systemd", ["/sbin/init"]);
    this.add(700, "libvirtd", ["/usr/sbin/libvirtd"]);
  }

  /** A child of libvirtd that has not become QEMU yet. */
  fork(): number {
    this.#lastPid += 1;
    this.add(this.#lastPid, libvirtComm, ["/usr/sbin/libvirtd"]);
    return this.#lastPid;
  }

  /** The child becomes QEMU: same pid, same start time. */
  exec(pid: number, domain: { name: string; uuid: string }): void {
    const commandLine = [
      "/usr/bin/qemu-system-x86_64",
      "-name",
      `guest=${domain.name},debug-threads=on`,
      "-uuid",
      domain.uuid,
    ];
    this.add(pid, qemuComm, commandLine);
  }

  /** Adds a process, or replaces its program if the pid is there. */
  add(pid: number, comm: string, commandLine: readonly string[], state = "S"): void {
    const startTime = this.#startTimes.get(pid) ?? this.#ticks++;
    this.#startTimes.set(pid, startTime);
    const folder = path.join(this.procPath, String(pid));
    mkdirSync(folder, { recursive: true });
    const before = `${pid} (${comm}) ${state} 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0`;
    writeFileSync(path.join(folder, "cmdline"), commandLine.map((word) => `${word}\0`).join(""));
    writeFileSync(path.join(folder, "stat"), `${before} ${startTime} 0 0\n`);
  }

  exit(pid: number): void {
    this.#startTimes.delete(pid);
    rmSync(path.join(this.procPath, String(pid)), { recursive: true, force: true });
  }
}
