// A skip list as a store would hold it, and the one that a later start makes of that.

import type { Instant } from "../../src/core/instant.ts";
import type { KnownManagementNode } from "../../src/core/management-node.ts";
import { recall } from "../../src/core/past.ts";
import type { NodeRecord, StoredState } from "../../src/core/records.ts";
import { SkipList, type SkipListView } from "../../src/core/skip-list.ts";

/** Everything of a skip list that is kept, written at `now`. */
export function storedOf(state: SkipListView, bootId: string, now: Instant): StoredState {
  return {
    run: { storeId: "store-1", agentEpoch: 1 },
    checkpoint: { bootId, bootMs: now.ms, wallMs: now.wallMs },
    amnesia: state.amnesia,
    nodes: [...state.managementNodes()].map((node) => recordOf(node, now)),
    claims: [...state.all()],
    tombstones: [...state.tombstones()],
    floors: [...state.floors()],
    stops: [...state.stops.values()],
  };
}

function recordOf({ leaseExpiresAtMs, ...node }: KnownManagementNode, now: Instant): NodeRecord {
  const leftMs = Math.max(0, leaseExpiresAtMs - now.ms);
  return { ...node, leaseRemainingMs: node.departed === undefined ? leftMs : 0 };
}

/** The skip list of a start. */
export function recalledFrom(
  stored: StoredState,
  bootId: string,
  now: Instant,
  policy: SkipListView["policy"],
): SkipList {
  const skipList = new SkipList(policy, now);
  skipList.apply(recall(stored, bootId, now));
  return skipList;
}

/** What of a skip list is kept, in a form that two of them can be compared in. */
export function contentOf(state: SkipListView): unknown {
  return {
    amnesia: state.amnesia,
    nodes: [...state.managementNodes()]
      // A node that is gone has no lease.
      .map((node) => (node.departed === undefined ? node : { ...node, leaseExpiresAtMs: 0 }))
      .toSorted((one, other) => (one.id < other.id ? -1 : 1)),
    claims: [...state.all()].toSorted((one, other) => {
      return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
    }),
    tombstones: [...state.tombstones()],
    floors: [...state.floors()],
    stops: [...state.stops.values()],
  };
}
