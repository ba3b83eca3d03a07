// Management nodes: who speaks, and what the agent keeps of who spoke.

import type { Place } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { Policy } from "./policy.ts";
import type { RefusalCode } from "./refusal.ts";

/** Who speaks: every list, claim and heartbeat carries it. */
export interface ManagementNode extends Place {
  readonly id: string;
  /** Rises each time the management node's process starts. */
  readonly epoch: number;
  /** Random per process. */
  readonly instance: string;
  /** Rises with each statement of this process. */
  readonly sequence: number;
  /** How long it counts as alive after this statement; absent: as before in this epoch. */
  readonly leaseSeconds?: number | undefined;
  /** TTL of its orphans that name none. */
  readonly orphanTtlSeconds?: number | undefined;
  /** Store and agent epoch that it last heard of: proof that it knows this store. */
  readonly storeId?: string | undefined;
  readonly agentEpoch?: number | undefined;
}

/** What must be known of the last list to tell its replay from another list. */
export interface AppliedList {
  readonly sequence: number;
  /** Digest of its entries, in order. */
  readonly digest: string;
  /** The entries that were not applied. */
  readonly refused: readonly RefusedPlace[];
}

export interface RefusedPlace {
  /** Index in the list. */
  readonly place: number;
  readonly code: RefusalCode;
}

export const departureCauses = ["departed", "lease-lapsed"] as const;
export type DepartureCause = (typeof departureCauses)[number];

export interface KnownManagementNode extends Place {
  readonly id: string;
  readonly epoch: number;
  readonly instance: string;
  /** Highest that was seen in this epoch. */
  readonly sequence: number;
  /** The last list of this epoch; undefined before the first. */
  readonly lastList?: AppliedList | undefined;
  /** What it asked for in this epoch; undefined: nothing. See `leaseSecondsOf`. */
  readonly leaseSeconds?: number | undefined;
  readonly orphanTtlSeconds?: number | undefined;
  readonly lastSeenAt: Instant;
  /** When it counts as gone unless it speaks; on the boot-time clock, as `Instant.ms`. */
  readonly leaseExpiresAtMs: number;
  /** By how much starts and gaps of the agent have prolonged its lease since it last spoke. */
  readonly graceUsedMs: number;
  /** Undefined: alive. */
  readonly departed?: { readonly cause: DepartureCause; readonly at: Instant } | undefined;
  /** At or below it only claims that live already are accepted. */
  readonly floor?: Place | undefined;
}

/** How long a management node counts as alive after a statement, as things are configured now. */
export function leaseSecondsOf(
  { leaseSeconds }: Pick<KnownManagementNode, "leaseSeconds">,
  policy: Policy,
): number {
  return Math.min(policy.leaseSecondsMax, leaseSeconds ?? policy.leaseSeconds);
}
