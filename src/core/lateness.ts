// Which claims come too late to live (G6). A claim that lives already is never late.

import { type ClaimKey, type Place, precedes } from "./claim.ts";
import type { Change } from "./change.ts";
import type { ManagementNode } from "./management-node.ts";
import type { Refusal } from "./refusal.ts";
import type { SkipListView } from "./skip-list.ts";
import { anyOwner, type Tombstone } from "./tombstone.ts";

/**
 * Refuses a claim that does not live and was made before the end of what it speaks of, or says what
 * has to be put away for it to live.
 */
export function refuseLate(
  state: SkipListView,
  from: ManagementNode,
  key: ClaimKey,
): Change[] | Refusal {
  const tombstones = [
    state.tombstone(key),
    state.tombstone({ ...key, managementNodeId: anyOwner }),
  ].filter((tombstone) => tombstone !== undefined);
  for (const tombstone of tombstones) {
    const refusal = refuseByTombstone(tombstone, from);
    if (refusal !== undefined) return refusal;
  }
  const floor = state.floor(key.vmUuid, from.id)?.upTo;
  if (isAtOrBelow(from, floor)) return staleClaim(key, "the VM was continued as a whole after it");
  const node = state.managementNode(from.id);
  if (isAtOrBelow(from, node?.floor)) {
    return staleClaim(key, "it is older than what is remembered of ended operations");
  }
  const lastList = node?.epoch === from.epoch ? node.lastList : undefined;
  if (lastList !== undefined && from.sequence < lastList.sequence) {
    return staleClaim(key, `a list of sequence ${lastList.sequence} left it out`);
  }
  return tombstones.map((tombstone) => ({ kind: "tombstone-removed", tombstone }));
}

function refuseByTombstone(tombstone: Tombstone, from: Place): Refusal | undefined {
  const { operationId, vmUuid } = tombstone;
  switch (tombstone.kind) {
    case "continued":
      return operationContinued({ operationId, vmUuid });
    case "expired": {
      if (precedes(tombstone.upTo, from)) return undefined;
      const detail = `cannot claim operation ${operationId} on ${vmUuid}: its TTL was over after this claim was made; if it is still in flight, claim it again with a higher sequence`;
      return { code: "operation-expired", detail };
    }
    default:
      throw new Error(`unreachable: ${JSON.stringify(tombstone.kind satisfies never)}`);
  }
}

/** The operation is over for its owner. */
export function operationContinued(key: Omit<ClaimKey, "managementNodeId">): Refusal {
  const detail = `cannot claim operation ${key.operationId} on ${key.vmUuid}: it was continued already; give a new operation a new id`;
  return { code: "operation-continued", detail };
}

function staleClaim(key: ClaimKey, why: string): Refusal {
  const detail = `cannot claim operation ${key.operationId} on ${key.vmUuid}: ${why}; if it is still in flight, claim it again with a higher sequence`;
  return { code: "stale-claim", detail };
}

function isAtOrBelow(place: Place, floor: Place | undefined): boolean {
  return floor !== undefined && !precedes(floor, place);
}
