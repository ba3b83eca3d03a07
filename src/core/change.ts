// What a decision does to the state, as data: decided in one place, applied in another, written to
// the store and to the history from the same value.

import type { Amnesia, AmnesiaEndCause } from "./amnesia.ts";
import type { Claim, EndCause } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { KnownManagementNode } from "./management-node.ts";
import type { Stop } from "./stop.ts";
import type { Tombstone, VmFloor } from "./tombstone.ts";
import type { VmUuid } from "./vm-uuid.ts";

export type Change =
  | { readonly kind: "node"; readonly node: KnownManagementNode }
  | { readonly kind: "node-forgotten"; readonly managementNodeId: string }
  /** Made, renewed or taken back; `was` undefined: made. */
  | { readonly kind: "claimed"; readonly claim: Claim; readonly was: Claim | undefined }
  | { readonly kind: "orphaned"; readonly claim: Claim }
  | {
      readonly kind: "ended";
      readonly claim: Claim;
      readonly at: Instant;
      readonly cause: EndCause;
    }
  | { readonly kind: "tombstone"; readonly tombstone: Tombstone }
  | { readonly kind: "tombstone-removed"; readonly tombstone: Tombstone }
  | { readonly kind: "floor"; readonly floor: VmFloor }
  | { readonly kind: "floor-removed"; readonly floor: VmFloor }
  | { readonly kind: "amnesia-began"; readonly amnesia: Amnesia }
  /** A management node sent its whole list to this run of the agent. */
  | { readonly kind: "list-heard"; readonly managementNodeId: string }
  | { readonly kind: "amnesia-ended"; readonly at: Instant; readonly cause: AmnesiaEndCause }
  /** A VM stopped, or something new is known or was said of its stop. */
  | { readonly kind: "stop"; readonly stop: Stop }
  /** It runs again, or nothing is to be told of its stop any more. */
  | { readonly kind: "stop-forgotten"; readonly vmUuid: VmUuid }
  /** The agent listened until here without a gap. */
  | { readonly kind: "listened"; readonly untilMs: number };

/**
 * Ends that were asked for count only when they are durable: until then the claim is still honoured.
 * The end of a TTL was durable when the orphan was; and what was never stored needs no store.
 */
export function isPendingEnd(cause: EndCause): boolean {
  return cause === "continued" || cause === "left-out-of-list";
}

/** Whether what a report on the same look says may change with it. The others come with every tick. */
export function isOfReports({ kind }: Change): boolean {
  return kind !== "listened" && kind !== "node" && kind !== "node-forgotten";
}
