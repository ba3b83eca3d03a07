// Who may speak, and what follows from that someone spoke: its lease is renewed, its orphans are
// taken back, or those of its earlier epochs are made.

import type { Change } from "./change.ts";
import { agentId, laterPlace, operatorId, unnamedId } from "./claim.ts";
import type { Instant } from "./instant.ts";
import {
  type AppliedList,
  type KnownManagementNode,
  leaseSecondsOf,
  type ManagementNode,
} from "./management-node.ts";
import { orphanOlder, takeBack } from "./orphaning.ts";
import type { Refusal } from "./refusal.ts";
import type { SkipListView } from "./skip-list.ts";

/** Management nodes that are remembered; those that the configuration names always find room. */
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
  if (reservedIds.has(from.id)) return reservedId(from.id);
  const known = state.managementNode(from.id);
  const refusal = known && refuseSpeaker(from, known);
  if (refusal !== undefined) return refusal;
  const node = heard(state, from, known, now, list);
  const changes: Change[] = [{ kind: "node", node }];
  if (known === undefined) return makeRoom(state, changes, from.id);
  if (known.epoch < from.epoch) {
    changes.push(...orphanOlder(state, from.id, from.epoch, now));
  } else if (known.departed !== undefined) {
    changes.push(...takeBack(state, node));
  }
  return changes;
}

/** What is known of a node after its statement. */
function heard(
  state: SkipListView,
  from: ManagementNode,
  known: KnownManagementNode | undefined,
  now: Instant,
  list: AppliedList | undefined,
): KnownManagementNode {
  const same = known?.epoch === from.epoch ? known : undefined;
  // A statement that was overtaken on its way does not turn the clock back.
  const { epoch, sequence } = same === undefined ? from : laterPlace(same, from);
  const isLatest = same === undefined || from.sequence >= same.sequence;
  const said = isLatest ? from : { leaseSeconds: undefined, orphanTtlSeconds: undefined };
  const leaseSeconds = said.leaseSeconds ?? same?.leaseSeconds;
  const leaseMs = leaseSecondsOf({ leaseSeconds }, state.policy) * 1000;
  return {
    id: from.id,
    epoch,
    instance: from.instance,
    sequence,
    lastList: list ?? same?.lastList,
    leaseSeconds,
    orphanTtlSeconds: said.orphanTtlSeconds ?? same?.orphanTtlSeconds,
    lastSeenAt: now,
    leaseExpiresAtMs: now.ms + leaseMs,
    graceUsedMs: 0,
    departed: undefined,
    floor: known?.floor,
  };
}

function refuseSpeaker(from: ManagementNode, known: KnownManagementNode): Refusal | undefined {
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

/** Who asked, in the history, where it is no management node. */
export const reservedIds: ReadonlySet<string> = new Set([operatorId, agentId, unnamedId]);

function reservedId(id: string): Refusal {
  const detail = `cannot accept management node '${id}': the id is reserved; choose another`;
  return { code: "reserved-id", detail };
}

/** Makes room for a new node by forgetting the longest departed one that has no claims. */
function makeRoom(state: SkipListView, changes: Change[], id: string): Change[] | Refusal {
  const expected = new Set(state.policy.managementNodes);
  // Strangers must not shut out those that the operator expects.
  if (expected.has(id) || state.managementNodeCount < managementNodesMax) return changes;
  const [oldest] = [...state.managementNodes()]
    .filter((node) => node.departed !== undefined && state.countOf(node.id) === 0)
    .filter((node) => !expected.has(node.id))
    .toSorted((one, other) => one.lastSeenAt.ms - other.lastSeenAt.ms);
  if (oldest === undefined) {
    const detail = `cannot accept management node ${id}: ${managementNodesMax} others are alive or have claims here; report the departure of those that are gone, or continue their claims`;
    return { code: "too-many-management-nodes", detail };
  }
  return [{ kind: "node-forgotten", managementNodeId: oldest.id }, ...changes];
}
