// Stops of VMs: what ended them, whether a management node has taken note, and what was said of them.
// A stop is kept until a management node acknowledges a report that carried its cause, or the VM runs
// again; and the history is told of each thing that was said of it once, not per report (G11).

import type { Instant } from "./instant.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Why a VM stopped; a closed set. */
export const stopCauses = [
  "shutdown",
  "destroyed",
  "crashed",
  "migrated",
  "saved",
  "failed",
  "from-snapshot",
] as const;
export type StopCause = (typeof stopCauses)[number];

export interface Stop {
  readonly vmUuid: VmUuid;
  /** Undefined: nothing told why. */
  readonly cause?: StopCause | undefined;
  /** When it was told, or when the look began that showed it. */
  readonly at: Instant;
  /** A management node acknowledged a report that carried the cause. */
  readonly isAcknowledged: boolean;
  /** What was said of it so far, in the words of `sayingOf`. */
  readonly said: readonly string[];
}

/** Stops that are kept; beyond it the oldest are forgotten. */
export const stopsMax = 20_000;

/** VIR_DOMAIN_EVENT_STOPPED_*, by number (libvirt-domain.h). */
const eventCauses: readonly StopCause[] = [
  "shutdown",
  "destroyed",
  "crashed",
  "migrated",
  "saved",
  "failed",
  "from-snapshot",
];
/** VIR_DOMAIN_SHUTOFF_*, by number; 0 is "unknown", 8 a restart of the daemon. */
const reasonCauses: readonly (StopCause | undefined)[] = [
  undefined,
  "shutdown",
  "destroyed",
  "crashed",
  "migrated",
  "saved",
  "failed",
  "from-snapshot",
];

/** Cause that a STOPPED event names by the number of its detail; undefined: one of a newer libvirt. */
export function causeOfEvent(detail: number): StopCause | undefined {
  return eventCauses[detail];
}

/** Cause that goes with a domain's state "shut off" or "crashed"; undefined: it names none. */
export function causeOfState(state: number, reason: number): StopCause | undefined {
  if (state === shutOff) return reasonCauses[reason];
  return state === crashed ? "crashed" : undefined;
}

/** virDomainState. */
const shutOff = 5;
const crashed = 6;

/** Whether a VM moved away and no management node has taken note: it runs elsewhere, for all we know. */
export function isUnnoticedMigration(stop: Stop | undefined): boolean {
  return stop?.cause === "migrated" && !stop.isAcknowledged;
}
