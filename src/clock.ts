// The clocks of this host. Decisions count on the boot-time clock: it includes suspension, never
// steps, and goes on when the agent is started again. Reading it costs 18 microseconds and cuts off
// what is below 10 ms, so that the monotonic clock is carried along in between. Every reading is a
// least value of the time; the greatest of them, held against the monotonic clock, is the nearest.
// Without that the clocks of two runs differ by up to 10 ms, and an orphan ends early by as much.

import { uptime } from "node:os";
import type { Clock } from "./agent/ports.ts";

/** A difference between the two clocks that is more than their resolution: the host was suspended. */
const suspensionMsMin = 15;
/** The monotonic clock is trusted for so long, unless the wall clock moves against it. */
const trustedMs = 100;
/** What a reading cuts off. */
const resolutionMs = 10;
/** Readings are taken at the start until the clock is known this closely, */
const closenessMs = 0.1;
/** or for this long, on a machine that does much else. */
const calibrationMsMax = 200;

/** A clock on which suspension counts (/proc/uptime). */
export function bootTimeClock(): Clock {
  let offsetMs = measureOffset();
  let measuredAtMs = performance.now();
  let wallOffsetMs = Date.now() - measuredAtMs;
  return {
    now: () => {
      const monotonicMs = performance.now();
      const wallMs = Date.now();
      const moved = Math.abs(wallMs - monotonicMs - wallOffsetMs);
      if (monotonicMs - measuredAtMs > trustedMs || moved > suspensionMsMin) {
        measuredAtMs = monotonicMs;
        wallOffsetMs = wallMs - monotonicMs;
        offsetMs = Math.max(offsetMs, uptime() * 1000 - performance.now());
      }
      return { ms: monotonicMs + offsetMs, wallMs };
    },
  };
}

/** By how much the boot-time clock is ahead of the monotonic one; never more than it is. */
function measureOffset(): number {
  const startedAtMs = performance.now();
  let leastMs = Number.NEGATIVE_INFINITY;
  let mostMs = Number.POSITIVE_INFINITY;
  for (;;) {
    const beforeMs = performance.now();
    const readMs = uptime() * 1000;
    const afterMs = performance.now();
    leastMs = Math.max(leastMs, readMs - afterMs);
    mostMs = Math.min(mostMs, readMs + resolutionMs - beforeMs);
    if (mostMs - leastMs < closenessMs || afterMs - startedAtMs > calibrationMsMax) return leastMs;
  }
}
