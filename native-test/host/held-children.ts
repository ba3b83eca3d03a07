// Children of libvirtd are held back before they become something else: the moment in which a QEMU
// is still libvirtd lasts as long as a test needs it.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const lookEveryMs = 2;

export class HeldChildren implements Disposable {
  /** Children that were held. */
  count = 0;
  readonly #namespace: string;
  readonly #daemonPid: number;
  readonly #holdMs: number;
  readonly #known = new Set<string>();
  readonly #held = new Map<number, NodeJS.Timeout>();
  readonly #looking: NodeJS.Timeout;

  /**
   * @param daemonPid of libvirtd, as this process sees it
   * @param holdMs how long each child is held from the moment at which it is seen
   */
  constructor(daemonPid: number, holdMs: number) {
    this.#daemonPid = daemonPid;
    this.#namespace = namespaceOf(daemonPid) ?? "";
    this.#holdMs = holdMs;
    for (const pid of readdirSync("/proc")) this.#known.add(pid);
    this.#looking = setInterval(() => this.#look(), lookEveryMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
    for (const pid of this.#held.keys()) this.#release(pid);
  }

  #look(): void {
    for (const name of readdirSync("/proc")) {
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      const pid = Number(name);
      if (!(pid > 0) || pid === this.#daemonPid || !isOfDaemon(pid)) continue;
      if (namespaceOf(pid) !== this.#namespace) continue;
      if (!signal(pid, "SIGSTOP")) continue;
      this.count += 1;
      this.#held.set(
        pid,
        setTimeout(() => this.#release(pid), this.#holdMs),
      );
    }
  }

  #release(pid: number): void {
    clearTimeout(this.#held.get(pid));
    this.#held.delete(pid);
    signal(pid, "SIGCONT");
  }
}

/** Whether it is there still: one that is held can be killed. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

function isOfDaemon(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").includes("libvirtd");
  } catch {
    return false;
  }
}

/** The pid namespace that a process is in; undefined if it is gone. */
function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
