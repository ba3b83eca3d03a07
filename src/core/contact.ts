// Who may speak, and what is noted of who spoke.

import type { Instant } from "./instant.ts";
import type { Refusal } from "./refusal.ts";
import type { AppliedList, Change, ManagementNode, SkipListView } from "./skip-list.ts";

/** Management nodes that are remembered. */
export const managementNodesMax = 64;

/**
 * Notes who spoke, or refuses to hear it: an older epoch is a process that is gone, and the same
 * epoch with another instance is a second process under the same id, whose lists would end the
 * claims of the first.
 *
 * @param list the list that the statement brings, once it is applied
 */
export function noteContact(
  state: SkipListView,
  from: ManagementNode,
  now: Instant,
  list?: AppliedList,
): Change[] | Refusal {
  const known = state.managementNode(from.id);
  if (known !== undefined) {
    const refusal = refuseSpeaker(from, known);
    if (refusal !== undefined) return refusal;
  }
  // A statement that was overtaken on its way does not turn the clock back.
  const latest = known !== undefined && precedes(from, known) ? known : from;
  const { id, epoch, instance, sequence } = latest;
  const lastList = list ?? (known?.epoch === epoch ? known.lastList : undefined);
  const seen: Change = {
    kind: "seen",
    managementNode: { id, epoch, instance, sequence, lastList, lastSeenAt: now },
  };
  return known === undefined ? makeRoom(state, seen, id) : [seen];
}

/** Whether one statement of a management node was made before another. */
export function precedes(
  one: { epoch: number; sequence: number },
  other: { epoch: number; sequence: number },
): boolean {
  if (one.epoch !== other.epoch) return one.epoch < other.epoch;
  return one.sequence < other.sequence;
}

function refuseSpeaker(from: ManagementNode, known: ManagementNode): Refusal | undefined {
  const { epoch: currentEpoch } = known;
  if (from.epoch < currentEpoch) {
    const detail = `cannot accept ${from.id}: its epoch ${from.epoch} is over, ${currentEpoch} has spoken; start again with epoch ${currentEpoch + 1}`;
    return { code: "stale-epoch", detail, currentEpoch };
  }
  if (from.epoch === currentEpoch && from.instance !== known.instance) {
    const detail = `cannot accept ${from.id}: another process speaks under this id and epoch ${currentEpoch}; give each management node an id of its own, and a restarted one a higher epoch`;
    return { code: "instance-conflict", detail, currentEpoch };
  }
  return undefined;
}

/** Makes room for a new node by forgetting the longest silent one that has no claims. */
function makeRoom(state: SkipListView, seen: Change, id: string): Change[] | Refusal {
  const nodes = state.managementNodes();
  if (nodes.length < managementNodesMax) return [seen];
  const [oldest] = nodes
    .filter((node) => state.countOf(node.id) === 0)
    .toSorted((one, other) => one.lastSeenAt.ms - other.lastSeenAt.ms);
  if (oldest === undefined) {
    const detail = `cannot accept management node ${id}: ${managementNodesMax} others have claims here; continue the claims of those that are gone`;
    return { code: "too-many-management-nodes", detail };
  }
  return [{ kind: "forgotten", managementNodeId: oldest.id }, seen];
}
