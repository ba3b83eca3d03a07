// How a claim loses its management node (G3: it never drops the claim) and how it gets it back.

import type { Change } from "./change.ts";
import type { Claim, OrphanCause } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { DepartureCause, KnownManagementNode } from "./management-node.ts";
import type { SkipListView } from "./skip-list.ts";

/**
 * The claim as an orphan. Its TTL is that of the claim, else of its management node, else of the
 * agent, and fixed here: later metadata changes later orphanings only.
 */
export function orphaned(
  state: SkipListView,
  claim: Claim,
  cause: OrphanCause,
  now: Instant,
): Change {
  const ofNode = state.managementNode(claim.managementNodeId)?.orphanTtlSeconds;
  const ttlSeconds = claim.orphanTtlSeconds ?? ofNode ?? state.policy.orphanTtlSeconds;
  const expiresAtMs = now.ms + ttlSeconds * 1000;
  const orphan = { cause, since: now, ttlSeconds, expiresAtMs };
  return { kind: "orphaned", claim: { ...claim, orphan } };
}

/** Orphans those active claims of a management node that were made before an epoch. */
export function orphanOlder(
  state: SkipListView,
  managementNodeId: string,
  epoch: number,
  now: Instant,
): Change[] {
  return state
    .claimsOf(managementNodeId)
    .filter((claim) => claim.orphan === undefined && claim.epoch < epoch)
    .map((claim) => orphaned(state, claim, "new-epoch", now));
}

/** A management node is gone: its active claims live on as orphans. */
export function depart(
  state: SkipListView,
  node: KnownManagementNode,
  cause: DepartureCause,
  now: Instant,
): Change[] {
  const active = state.claimsOf(node.id).filter((claim) => claim.orphan === undefined);
  return [
    { kind: "node", node: { ...node, departed: { cause, at: now } } },
    ...active.map((claim) => orphaned(state, claim, cause, now)),
  ];
}

/**
 * A management node is back with the epoch that it had: it takes those orphans back that lost it by
 * its departure. What it gave up itself (`outcome-unknown`) stays an orphan.
 */
export function takeBack(state: SkipListView, { id, epoch }: KnownManagementNode): Change[] {
  return state
    .claimsOf(id)
    .filter((claim) => claim.epoch === epoch && lostByDeparture(claim))
    .map((claim) => ({ kind: "claimed", claim: { ...claim, orphan: undefined }, was: claim }));
}

function lostByDeparture({ orphan }: Claim): boolean {
  return orphan?.cause === "departed" || orphan?.cause === "lease-lapsed";
}
