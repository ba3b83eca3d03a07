// The agent's codes in words that a person can read at night.

import type { Claim, Report } from "../client/client.ts";

type Reason = Report["withheld"][number]["reasons"][number];

const reasons: Readonly<Record<Reason, string>> = {
  "qemu-process-alive": "not called stopped: its QEMU process lives",
  "no-process": "libvirt calls it active, but no QEMU process has its uuid",
  "observation-incomplete": "not called stopped: the look at the host was not complete",
  "migrated-away": "migrated away, and no management node has taken note: it runs on another host",
  "mass-disappearance": "not called stopped yet: most VMs of the host are gone at once",
  "claim-memory-cut": "not called stopped: too many claims ended while the host was looked at",
  amnesia: "not called stopped: vmsyncd may not know of every claim (amnesia)",
};

/** Why a stop is withheld. */
export function reasonText(reason: Reason): string {
  return wordsOr(reasons, reason);
}

const amnesiaReasons: Readonly<Record<NonNullable<Report["amnesia"]>["reason"], string>> = {
  "new-store": "its store is new",
  "damaged-store": "its store was damaged and is set aside",
  "restored-store": "its store came from a backup",
  "rolled-back-store": "an older copy of its store was put in place",
  "unwritable-store": "its store cannot be written",
};

/** Why claims may be unknown: "its store is new". */
export function amnesiaReasonText(reason: string): string {
  return wordsOr(amnesiaReasons, reason);
}

type OrphanCause = NonNullable<Claim["orphan"]>["cause"];
const orphanCauses: Readonly<Record<OrphanCause, (owner: string) => string>> = {
  departed: (owner) => `${owner} was said to be gone`,
  "lease-lapsed": (owner) => `${owner} was silent for its whole lease`,
  "new-epoch": (owner) => `${owner} was started anew`,
  "outcome-unknown": (owner) => `${owner} gave it up without knowing its outcome`,
  operator: () => "the operator made it, who has no lease",
};

/** How a claim lost its management node: "mn-1 was silent for its whole lease". */
export function orphanCauseText(cause: string, owner: string): string {
  const known: Readonly<Record<string, (owner: string) => string>> = orphanCauses;
  return known[cause]?.(owner) ?? cause;
}

/** An agent of a newer version may have codes that are not known here: they are shown as they are. */
function wordsOr(words: Readonly<Record<string, string>>, code: string): string {
  return words[code] ?? code;
}

/** A span in its largest unit, rounded down, for the narrow column of a table: "4 h". */
export function roughSpanText(seconds: number): string {
  const unit = units.find(([, size]) => seconds >= size);
  return unit === undefined ? "0 s" : `${Math.floor(seconds / unit[1])} ${unit[0]}`;
}

const units = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** A span in its two largest units: "3 s", "2 min 5 s", "4 h 10 min", "3 d 2 h". */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
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

/** "1 claim", "2 claims". */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
