// From what was stored to the state that a start begins with. Pure: what a boot and the time since
// the last checkpoint did to instants and leases is worked out here (G4, "across a reboot").

import type { Amnesia } from "./amnesia.ts";
import type { Change } from "./change.ts";
import type { Claim, Orphanhood } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { KnownManagementNode } from "./management-node.ts";
import { leaseAfterGap } from "./passing-time.ts";
import type { NodeRecord, StoredState } from "./records.ts";

/**
 * Changes that bring an empty state to what was stored. Within one boot the boot-time clock has gone
 * on counting; across boots every instant is moved by the wall time since the checkpoint, a backward
 * step counting as none.
 */
export function recall(stored: StoredState, bootId: string, now: Instant): Change[] {
  const { checkpoint } = stored;
  const sinceMs = Math.max(0, now.wallMs - checkpoint.wallMs);
  const shiftMs = isSameBoot(stored, bootId, now) ? 0 : now.ms - sinceMs - checkpoint.bootMs;
  const moved = (instant: Instant): Instant => ({
    ms: instant.ms + shiftMs,
    wallMs: instant.wallMs,
  });
  const changes: Change[] = [];
  for (const node of stored.nodes) {
    changes.push({ kind: "node", node: recallNode(node, moved, now) });
  }
  for (const claim of stored.claims) {
    const recalled = shiftMs === 0 ? claim : recallClaim(claim, moved, shiftMs);
    changes.push({ kind: "claimed", claim: recalled, was: undefined });
  }
  for (const tombstone of stored.tombstones) {
    changes.push({ kind: "tombstone", tombstone: { ...tombstone, at: moved(tombstone.at) } });
  }
  for (const floor of stored.floors) {
    changes.push({ kind: "floor", floor: { ...floor, at: moved(floor.at) } });
  }
  for (const stop of stored.stops) {
    changes.push({ kind: "stop", stop: { ...stop, at: moved(stop.at) } });
  }
  if (stored.amnesia !== undefined) {
    const amnesia = recallAmnesia(stored.amnesia, moved, shiftMs);
    changes.push({ kind: "amnesia-began", amnesia });
  }
  return changes;
}

/** Whether the boot-time clock has gone on counting since the checkpoint. */
export function isSameBoot({ checkpoint }: StoredState, bootId: string, now: Instant): boolean {
  return checkpoint.bootId === bootId && now.ms >= checkpoint.bootMs;
}

function recallNode(
  { leaseRemainingMs, ...node }: NodeRecord,
  moved: (instant: Instant) => Instant,
  now: Instant,
): KnownManagementNode {
  const { departed, lastSeenAt } = node;
  const { leftMs, graceUsedMs } = leaseAfterGap(leaseRemainingMs, node.graceUsedMs);
  return {
    ...node,
    lastSeenAt: moved(lastSeenAt),
    leaseExpiresAtMs: departed === undefined ? now.ms + leftMs : now.ms,
    graceUsedMs: departed === undefined ? graceUsedMs : node.graceUsedMs,
    departed: departed && { ...departed, at: moved(departed.at) },
  };
}

function recallClaim(claim: Claim, moved: (instant: Instant) => Instant, shiftMs: number): Claim {
  return {
    ...claim,
    madeAt: moved(claim.madeAt),
    orphan: claim.orphan && recallOrphan(claim.orphan, moved, shiftMs),
  };
}

function recallOrphan(
  orphan: Orphanhood,
  moved: (instant: Instant) => Instant,
  shiftMs: number,
): Orphanhood {
  return {
    ...orphan,
    since: moved(orphan.since),
    expiresAtMs: orphan.expiresAtMs + shiftMs,
  };
}

function recallAmnesia(
  amnesia: Amnesia,
  moved: (instant: Instant) => Instant,
  shiftMs: number,
): Amnesia {
  return { ...amnesia, since: moved(amnesia.since), endsAtMs: amnesia.endsAtMs + shiftMs };
}
