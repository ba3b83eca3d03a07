// The clocks of this host, as the agent reads them: what is left of an orphan in its store depends
// on the time since.

import { readFileSync } from "node:fs";
import { uptime } from "node:os";

export interface HostTime {
  readonly bootId: string;
  /** Milliseconds on the boot-time clock. */
  readonly bootMs: number;
  /** Milliseconds since 1970. */
  readonly wallMs: number;
}

export function readHostTime(): HostTime {
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return { bootId, bootMs: uptime() * 1000, wallMs: Date.now() };
}
