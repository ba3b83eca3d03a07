// Ways to start the agent: as it is, on a wall clock that is set by the test, in another boot of the
// host. Each gives the program and the arguments that come before the command, and its environment.

import { randomUUID } from "node:crypto";
import { globSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface Way {
  /** Program and arguments that the command is appended to. */
  readonly before: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

export const asItIs: Way = { before: [], environment: {} };

/** A wall clock that is set forward and back while it is read; the other clocks are left alone. */
export class SteppedWallClock {
  readonly #file: string;
  offsetSeconds = 0;
  steps = 0;

  /** @param folder keeps the offset */
  constructor(folder: string) {
    this.#file = path.join(folder, "wall-clock-offset");
    this.#write();
  }

  get way(): Way {
    const [library] = globSync("/usr/lib/*/faketime/libfaketimeMT.so.1");
    if (library === undefined) throw new Error("cannot step the wall clock: install libfaketime");
    const environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
    return { before: [], environment };
  }

  /** Sets the clock; it is away from the true time by so much then. */
  set(offsetSeconds: number): void {
    this.offsetSeconds = offsetSeconds;
    this.steps += 1;
    this.#write();
  }

  #write(): void {
    const sign = this.offsetSeconds < 0 ? "" : "+";
    writeFileSync(`${this.#file}.new`, `${sign}${this.offsetSeconds}\n`);
    // In one step: it is read with every look at the clock.
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** Another boot: a boot id of its own, and a boot-time clock that is ahead of the host's. */
export class Boot {
  readonly id = randomUUID();
  readonly #file: string;
  readonly #aheadSeconds: number;

  /** @param folder keeps the boot id */
  constructor(folder: string, aheadSeconds: number) {
    this.#aheadSeconds = aheadSeconds;
    this.#file = path.join(folder, `boot-id-${this.id}`);
    writeFileSync(this.#file, `${this.id}\n`);
  }

  /** The same within this boot. */
  around({ before, environment }: Way): Way {
    const script = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"';
    const namespaces = ["--mount", "--propagation", "private", "--time"];
    const clock = ["--boottime", String(this.#aheadSeconds)];
    const shell = ["sh", "-c", script, "in-boot", this.#file];
    return { before: ["unshare", ...namespaces, ...clock, ...shell, ...before], environment };
  }
}
