// What remains of operations that are over, so that a statement that was made before and arrives
// after cannot bring them back to life (G6).

import { type ClaimKey, keyWithinNode, type Place } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** How the operation ended; a closed set. */
export const tombstoneKinds = [
  /** Continued: it never lives again. */
  "continued",
  /** Its TTL was over: a statement above `upTo` revives it. */
  "expired",
] as const;
export type TombstoneKind = (typeof tombstoneKinds)[number];

export interface Tombstone extends ClaimKey {
  /** Owner of the operation; `anyOwner` where a continue named none and none was known. */
  readonly managementNodeId: string;
  readonly kind: TombstoneKind;
  /** Highest place of the owner that was seen when it was laid. */
  readonly upTo: Place;
  readonly at: Instant;
}

/** Stands for the owner in a tombstone that holds for all. No id is empty. */
export const anyOwner = "";

/** What a continue of a whole VM leaves: older claims of its caller on the VM are refused. */
export interface VmFloor {
  readonly vmUuid: VmUuid;
  readonly managementNodeId: string;
  readonly upTo: Place;
  readonly at: Instant;
}

/** Tombstones and VM floors are kept this long. */
export const tombstoneAgeMsMax = 24 * 60 * 60 * 1000;
/** Tombstones kept at most, and VM floors as well. */
export const tombstonesMax = 100_000;

/** Which VM floor. */
export function floorKey(floor: Pick<VmFloor, "vmUuid" | "managementNodeId">): string {
  return keyWithinNode({ vmUuid: floor.vmUuid, operationId: floor.managementNodeId });
}
