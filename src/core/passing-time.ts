// What passing time changes: leases lapse, orphans end, amnesia ends, tombstones are put away.
//
// INVARIANTS:
// - Silence of a management node counts only while the agent listens.
// - An orphan's TTL counts always.
// - Called before every decision and every report, so that what is due never waits for a timer.

import type { Change } from "./change.ts";
import { type Claim, laterPlace, type Place, precedes } from "./claim.ts";
import { highestSeen } from "./decide-continue.ts";
import type { Instant } from "./instant.ts";
import type { KnownManagementNode } from "./management-node.ts";
import { depart } from "./orphaning.ts";
import type { SkipListView } from "./skip-list.ts";
import { type Tombstone, tombstoneAgeMsMax, tombstonesMax } from "./tombstone.ts";

/** A longer pause between two looks at the clock is one in which the agent did not listen. */
export const listeningGapMsMax = 5_000;
/** What a management node has left at least, when the agent listens again. */
export const leaseAfterGapMs = 60_000;
/**
 * By how much one silence is prolonged at most, however often the agent starts: else an agent that
 * crashes again and again would keep the claims of a dead node active for ever.
 */
export const graceMsMax = 60_000;
/** Tombstones put away at once: a bound on one decision. */
const evictionsMax = 1_000;

/** Changes that are due at `now`. */
export function decidePassing(state: SkipListView, now: Instant): Change[] {
  const changes: Change[] = [{ kind: "listened", untilMs: now.ms }];
  if (now.ms - state.listenedUntilMs > listeningGapMsMax) {
    const nodes = prolonged(state, now);
    changes.push(...nodes);
    if (now.ms >= state.nextDeadlineMs) changes.push(...endsDue(state, now));
  } else if (now.ms >= state.nextDeadlineMs) {
    changes.push(...lapses(state, now), ...endsDue(state, now));
  }
  changes.push(...evictions(state, changes, now));
  return changes;
}

/**
 * The lease of a node when the agent listens again: what it had left, and at least a minute, within
 * the grace that one silence has.
 */
export function leaseAfterGap(
  leftMs: number,
  graceUsedMs: number,
): { leftMs: number; graceUsedMs: number } {
  const wantedMs = Math.max(0, leaseAfterGapMs - leftMs);
  const grantedMs = Math.min(wantedMs, Math.max(0, graceMsMax - graceUsedMs));
  return { leftMs: leftMs + grantedMs, graceUsedMs: graceUsedMs + grantedMs };
}

function prolonged(state: SkipListView, now: Instant): Change[] {
  const changes: Change[] = [];
  for (const node of state.managementNodes()) {
    if (node.departed !== undefined) continue;
    const leftMs = Math.max(0, node.leaseExpiresAtMs - state.listenedUntilMs);
    const lease = leaseAfterGap(leftMs, node.graceUsedMs);
    const { graceUsedMs } = lease;
    changes.push({
      kind: "node",
      node: { ...node, leaseExpiresAtMs: now.ms + lease.leftMs, graceUsedMs },
    });
  }
  return changes;
}

function lapses(state: SkipListView, now: Instant): Change[] {
  const changes: Change[] = [];
  for (const node of state.managementNodes()) {
    if (hasLapsed(node, now)) changes.push(...depart(state, node, "lease-lapsed", now));
  }
  return changes;
}

function hasLapsed(node: KnownManagementNode, now: Instant): boolean {
  return node.departed === undefined && node.leaseExpiresAtMs <= now.ms;
}

function endsDue(state: SkipListView, now: Instant): Change[] {
  const changes: Change[] = [];
  for (const claim of state.orphans()) {
    if (claim.orphan === undefined || claim.orphan.expiresAtMs > now.ms) continue;
    changes.push({ kind: "ended", claim, at: now, cause: "ttl-expired" });
    changes.push({ kind: "tombstone", tombstone: ofExpired(state, claim, now) });
  }
  if (state.amnesia !== undefined && state.amnesia.endsAtMs <= now.ms) {
    changes.push({ kind: "amnesia-ended", at: now, cause: "elapsed" });
  }
  return changes;
}

function ofExpired(state: SkipListView, claim: Claim, at: Instant): Tombstone {
  const { vmUuid, managementNodeId, operationId } = claim;
  const upTo = laterPlace(highestSeen(state, managementNodeId), claim);
  return { vmUuid, managementNodeId, operationId, kind: "expired", upTo, at };
}

/** Tombstones and VM floors that are too old or too many; each leaves its owner a floor. */
function evictions(state: SkipListView, before: readonly Change[], now: Instant): Change[] {
  const changes: Change[] = [];
  const floors = new Map<string, Place>();
  const oldestMs = now.ms - tombstoneAgeMsMax;
  let excess = state.tombstoneCount - tombstonesMax;
  for (const tombstone of state.tombstones()) {
    if (changes.length >= evictionsMax || (excess <= 0 && tombstone.at.ms >= oldestMs)) break;
    excess -= 1;
    changes.push({ kind: "tombstone-removed", tombstone });
    raise(floors, tombstone.managementNodeId, tombstone.upTo);
  }
  excess = state.floorCount - tombstonesMax;
  for (const floor of state.floors()) {
    if (changes.length >= evictionsMax || (excess <= 0 && floor.at.ms >= oldestMs)) break;
    excess -= 1;
    changes.push({ kind: "floor-removed", floor });
    raise(floors, floor.managementNodeId, floor.upTo);
  }
  for (const [id, upTo] of floors) {
    // As the changes before leave it: its lease may have lapsed or been prolonged this very moment.
    const changed = before.findLast((change) => change.kind === "node" && change.node.id === id);
    const node = changed?.kind === "node" ? changed.node : state.managementNode(id);
    if (node === undefined) continue;
    // A place that nobody has reached was invented, and would shut its owner out for good.
    const seen = highestSeen(state, id);
    const reached = precedes(seen, upTo) ? seen : upTo;
    const floor = node.floor === undefined ? reached : laterPlace(node.floor, reached);
    changes.push({ kind: "node", node: { ...node, floor } });
  }
  return changes;
}

function raise(floors: Map<string, Place>, id: string, upTo: Place): void {
  const known = floors.get(id);
  floors.set(id, known === undefined ? upTo : laterPlace(known, upTo));
}
