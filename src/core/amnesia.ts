// Amnesia: the agent knows that it may not know of claims (G9). While it lasts nothing is called
// Stopped.

import type { Instant } from "./instant.ts";

/** Why claims may be unknown; a closed set. */
export const amnesiaReasons = [
  /** There was no store: a first start, or a lost one. */
  "new-store",
  /** The store was damaged and set aside. */
  "damaged-store",
  /** The store came from a backup. */
  "restored-store",
  /** A management node has heard of a later run of this store: an older copy was put in its place. */
  "rolled-back-store",
  /** The start could not be written down, so this run may not call itself that of the store. */
  "unwritable-store",
] as const;
export type AmnesiaReason = (typeof amnesiaReasons)[number];

export interface Amnesia {
  readonly reason: AmnesiaReason;
  readonly since: Instant;
  /** When it ends by itself; on the boot-time clock, as `Instant.ms`. */
  readonly endsAtMs: number;
}

/** How amnesia ended; a closed set. */
export const amnesiaEndCauses = ["elapsed", "operator", "all-lists-heard"] as const;
export type AmnesiaEndCause = (typeof amnesiaEndCauses)[number];
