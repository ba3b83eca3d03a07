// How amnesia begins and ends (G9).

import type { AmnesiaEndCause, AmnesiaReason } from "./amnesia.ts";
import type { Change } from "./change.ts";
import type { Instant } from "./instant.ts";
import type { ManagementNode } from "./management-node.ts";
import type { RunIdentity } from "./records.ts";
import type { SkipListView } from "./skip-list.ts";

/**
 * Claims may be unknown from now on. A claim that the lost store knew has ended, or its management
 * node has told it anew, when the longest lease or the TTL is over.
 */
export function beginAmnesia(state: SkipListView, reason: AmnesiaReason, now: Instant): Change {
  const { leaseSecondsMax, orphanTtlSeconds } = state.policy;
  const endsAtMs = now.ms + Math.max(leaseSecondsMax, orphanTtlSeconds) * 1000;
  return { kind: "amnesia-began", amnesia: { reason, since: now, endsAtMs } };
}

/**
 * Whether who speaks has heard of a later run of the same store. Its epoch rose durably, so the file
 * that this run began with is an older copy, and claims of that later run may be lost.
 */
export function hasHeardOfLaterRun(from: ManagementNode, run: RunIdentity): boolean {
  return from.storeId === run.storeId && (from.agentEpoch ?? 0) > run.agentEpoch;
}

/** Ends amnesia, if it lasts. */
export function endAmnesia(state: SkipListView, cause: AmnesiaEndCause, now: Instant): Change[] {
  return state.amnesia === undefined ? [] : [{ kind: "amnesia-ended", at: now, cause }];
}

/**
 * A management node's whole list was applied. It counts against amnesia if its sender knows this
 * store and this run: then it has said, and will say, everything that is in flight.
 */
export function noteListHeard(
  state: SkipListView,
  from: ManagementNode,
  run: RunIdentity,
  now: Instant,
): Change[] {
  if (state.amnesia === undefined) return [];
  if (from.storeId !== run.storeId || from.agentEpoch !== run.agentEpoch) return [];
  const heard: Change = { kind: "list-heard", managementNodeId: from.id };
  const missing = listsMissing(state).filter((id) => id !== from.id);
  const isLast = missing.length === 0 && state.policy.managementNodes.length > 0;
  return isLast ? [heard, ...endAmnesia(state, "all-lists-heard", now)] : [heard];
}

/** Configured management nodes whose list has not been heard. */
export function listsMissing(state: SkipListView): string[] {
  return state.policy.managementNodes.filter((id) => !state.listsHeard.has(id));
}
