// The agent's codes in words that a person can read at night.

import type { Report } from "../client/client.ts";

type Reason = Report["withheld"][number]["reasons"][number];

const reasons: Readonly<Record<Reason, string>> = {
  "qemu-process-alive": "not called stopped: its QEMU process lives",
  "no-process": "libvirt calls it active, but no QEMU process has its uuid",
  "observation-incomplete": "not called stopped: the look at the host was not complete",
  "migrated-away": "migrated away: it runs on another host",
  "claim-memory-cut": "not called stopped: too many claims ended while the host was looked at",
};

/** Why a stop is withheld. */
export function reasonText(reason: Reason): string {
  // An agent of a newer version may have reasons that are not known here.
  return (reasons as Readonly<Record<string, string>>)[reason] ?? reason;
}

/** A span in its two largest units: "3 s", "2 min 5 s", "4 h 10 min", "3 d 2 h". */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const largest = units.findIndex(([, size]) => seconds >= size);
  if (largest < 0) return "0 s";
  let rest = seconds;
  const parts = units.slice(largest, largest + 2).map(([name, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count} ${name}`;
  });
  return parts.filter((part) => part !== "").join(" ");
}

/** How long it is since an instant of the agent: "5 s". */
export function forText(instant: string, nowMs: number): string {
  return spanText(nowMs - Date.parse(instant));
}

/** How long ago an instant of the agent was: "5 s ago". */
export function agoText(instant: string, nowMs: number): string {
  return `${forText(instant, nowMs)} ago`;
}
