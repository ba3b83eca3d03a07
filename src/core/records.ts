// What is kept on disk, as data: what a store is asked to write, and what it gives back at a start.
// The store gives these types rows; it decides nothing.

import type { Amnesia } from "./amnesia.ts";
import type { Claim, ClaimKey } from "./claim.ts";
import type { HistoryEntry } from "./history.ts";
import type { KnownManagementNode } from "./management-node.ts";
import type { Stop } from "./stop.ts";
import type { Tombstone, VmFloor } from "./tombstone.ts";
import type { VmUuid } from "./vm-uuid.ts";

/**
 * When something was written, on every clock that it can be read by later. `bootMs` compares only
 * within one boot; across boots `wallMs` has to serve.
 */
export interface Checkpoint {
  readonly bootId: string;
  /** The boot-time clock, as `Instant.ms`. */
  readonly bootMs: number;
  readonly wallMs: number;
}

/** A management node as it is kept: silence counts only while the agent listens, so what it has left. */
export interface NodeRecord extends Omit<KnownManagementNode, "leaseExpiresAtMs"> {
  /** Left of its lease when this was written; 0 if it is departed. */
  readonly leaseRemainingMs: number;
}

/** Identity of this run of the agent. Revisions compare as (agentEpoch, revision) in one store. */
export interface RunIdentity {
  readonly storeId: string;
  /** Rises durably at each start. */
  readonly agentEpoch: number;
}

/** Which tombstone. */
export type TombstoneKey = ClaimKey;
/** Which VM floor. */
export type VmFloorKey = Pick<VmFloor, "vmUuid" | "managementNodeId">;

/** Rows to put and to remove; put replaces what has the same key. */
export interface RowChanges<Row, Key> {
  readonly put: readonly Row[];
  readonly remove: readonly Key[];
}

/** One atomic write: all of it is durable when it is acknowledged, or nothing of it. */
export interface StoreBatch {
  readonly run: RunIdentity;
  readonly checkpoint: Checkpoint;
  /** Undefined: none lasts. */
  readonly amnesia: Amnesia | undefined;
  readonly nodes: RowChanges<NodeRecord, string>;
  readonly claims: RowChanges<Claim, ClaimKey>;
  readonly tombstones: RowChanges<Tombstone, TombstoneKey>;
  readonly floors: RowChanges<VmFloor, VmFloorKey>;
  readonly stops: RowChanges<Stop, VmUuid>;
  /** New entries, oldest first; the store gives them their ids. */
  readonly history: readonly HistoryEntry[];
}

/** Everything that the agent needs of its past. Instants are those of the boot of the checkpoint. */
export interface StoredState {
  readonly run: RunIdentity;
  readonly checkpoint: Checkpoint;
  readonly amnesia: Amnesia | undefined;
  readonly nodes: readonly NodeRecord[];
  readonly claims: readonly Claim[];
  /** Oldest first. */
  readonly tombstones: readonly Tombstone[];
  readonly floors: readonly VmFloor[];
  /** The one that was changed last comes last. */
  readonly stops: readonly Stop[];
}
