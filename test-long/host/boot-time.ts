// The boot-time clock of this machine, read from outside the agent. /proc/uptime shows hundredths of
// a second, cut off: one reading says that the time is in [u, u + 10 ms). Many readings, each held
// against the monotonic clock, narrow that down to microseconds, and no reading is ever taken for
// more than it says.

import { readFileSync } from "node:fs";

/** When something happened, milliseconds since boot: not before the one and not after the other. */
export interface Span {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** What /proc/uptime cuts off. */
const resolutionMs = 10;
/** Narrow enough to begin with. */
const widthMs = 0.5;
const readingsMax = 100_000;

export class BootTime {
  #offsetMinMs = Number.NEGATIVE_INFINITY;
  #offsetMaxMs = Number.POSITIVE_INFINITY;

  constructor() {
    for (let readings = 0; this.#offsetMaxMs - this.#offsetMinMs > widthMs; readings += 1) {
      if (readings === readingsMax) throw new Error("cannot read /proc/uptime closely enough");
      this.now();
    }
  }

  /** The time of this call. */
  now(): Span {
    const beforeMs = performance.now();
    const [seconds = ""] = readFileSync("/proc/uptime", "latin1").split(" ");
    const afterMs = performance.now();
    const readMs = Math.round(Number(seconds) * 1000);
    this.#offsetMinMs = Math.max(this.#offsetMinMs, readMs - afterMs);
    this.#offsetMaxMs = Math.min(this.#offsetMaxMs, readMs + resolutionMs - beforeMs);
    if (this.#offsetMinMs > this.#offsetMaxMs) {
      throw new Error("cannot measure times: this machine was suspended meanwhile; run it again");
    }
    return {
      earliestMs: beforeMs + this.#offsetMinMs,
      latestMs: afterMs + this.#offsetMaxMs,
    };
  }
}
