// Claims: what a management node says, and what the agent keeps of it.

import type { Instant } from "./instant.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Which claim; an operation id means something only together with its management node. */
export interface ClaimKey {
  readonly vmUuid: VmUuid;
  readonly managementNodeId: string;
  readonly operationId: string;
}

/** What a claim says, in a list or alone. */
export interface ClaimStatement {
  readonly vmUuid: VmUuid;
  readonly operationId: string;
  /** Why, in the management node's words. */
  readonly reason: string;
  /** How long it outlives its management node; else that node's, else the agent's. */
  readonly orphanTtlSeconds?: number | undefined;
}

/** Place of a statement in the order of its management node. */
export interface Place {
  readonly epoch: number;
  readonly sequence: number;
}

/** How a claim lost its management node; a closed set. */
export const orphanCauses = [
  /** Another management node or the operator said that it is gone. */
  "departed",
  /** It was silent for its whole lease. */
  "lease-lapsed",
  /** Its process was started anew, with a higher epoch. */
  "new-epoch",
  /** It gave the operation up without knowing how it ended. */
  "outcome-unknown",
  /** It never had one: the operator made it. */
  "operator",
] as const;
export type OrphanCause = (typeof orphanCauses)[number];

/** The remaining life of a claim without its management node; fixed when it begins. */
export interface Orphanhood {
  readonly cause: OrphanCause;
  readonly since: Instant;
  readonly ttlSeconds: number;
  /** On the boot-time clock, as `Instant.ms`. */
  readonly expiresAtMs: number;
}

/** One management node's statement "operation O on VM V is in flight: do not judge V's state". */
export interface Claim extends ClaimKey, ClaimStatement, Place {
  readonly madeAt: Instant;
  /** Undefined: active. */
  readonly orphan?: Orphanhood | undefined;
}

/** How a claim came to its end; a closed set. */
export const endCauses = ["continued", "left-out-of-list", "ttl-expired", "not-stored"] as const;
export type EndCause = (typeof endCauses)[number];

export interface EndedClaim extends Claim {
  readonly endedAt: Instant;
  readonly cause: EndCause;
}

/** Owner of the claims that the operator makes; no management node may bear it. */
export const operatorId = "operator";
/** Who asked, in the history: the agent by itself, and one who did not say. */
export const agentId = "agent";
export const unnamedId = "unnamed";

// Ids hold no control characters, so this cannot join two different pairs into one key.
const keySeparator = "\0";

/** Which claim, among those of one management node. */
export function keyWithinNode({ vmUuid, operationId }: Omit<ClaimKey, "managementNodeId">): string {
  return `${vmUuid}${keySeparator}${operationId}`;
}

/** Which claim, among all. */
export function claimKey(key: ClaimKey): string {
  return `${key.managementNodeId}${keySeparator}${keyWithinNode(key)}`;
}

/** Whether one statement of a management node was made before another. */
export function precedes(one: Place, other: Place): boolean {
  if (one.epoch !== other.epoch) return one.epoch < other.epoch;
  return one.sequence < other.sequence;
}

/** The later of two places. */
export function laterPlace(one: Place, other: Place): Place {
  const { epoch, sequence } = precedes(one, other) ? other : one;
  return { epoch, sequence };
}
