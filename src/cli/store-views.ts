// Records of the store in the shapes of the API.

import type { Claim, History, NodeStatus } from "../client/client.ts";
import type { ReadOnlyStore, StoredState } from "../store/read-only.ts";

type StoredClaim = StoredState["claims"][number];
type StoredNode = StoredState["nodes"][number];
type StoredEntry = ReturnType<ReadOnlyStore["history"]>[number];

/** What the age and the rest of a claim are told by. */
export interface ClaimClock {
  /** Now, on the clock of the store's instants. */
  readonly ms: number;
  readonly wallMs: number;
  readonly staleAfterMs: number;
}

export function claimOfStore(claim: StoredClaim, clock: ClaimClock): Claim {
  const { vmUuid, managementNodeId, operationId, reason, epoch, sequence, madeAt } = claim;
  const { orphanTtlSeconds, orphan } = claim;
  const ageMs = Math.max(0, clock.ms - madeAt.ms);
  const isStale = orphan === undefined && ageMs > clock.staleAfterMs;
  return {
    vmUuid,
    managementNode: managementNodeId,
    operationId,
    reason,
    ...(orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds }),
    epoch,
    sequence,
    madeAt: instantText(madeAt.wallMs),
    state: orphan === undefined ? "active" : "orphaned",
    ageSeconds: Math.floor(ageMs / 1000),
    ...(isStale ? { stale: true } : {}),
    ...(orphan === undefined ? {} : { orphan: orphanOfStore(orphan, clock) }),
  };
}

function orphanOfStore(orphan: NonNullable<StoredClaim["orphan"]>, clock: ClaimClock) {
  const { cause, since, ttlSeconds, expiresAtMs } = orphan;
  const leftMs = expiresAtMs - clock.ms;
  return {
    cause,
    orphanedAt: instantText(since.wallMs),
    ttlSeconds,
    remainingSeconds: Math.max(0, Math.ceil(leftMs / 1000)),
    expiresAt: instantText(clock.wallMs + leftMs),
  };
}

/** @param node undefined: it is configured and was never heard */
export function nodeOfStore(
  id: string,
  node: StoredNode | undefined,
  more: { readonly isConfigured: boolean; readonly claims: readonly Claim[] },
): NodeStatus {
  const orphaned = more.claims.filter(({ state }) => state === "orphaned").length;
  return {
    id,
    configured: more.isConfigured,
    ...(node === undefined ? { state: "never-heard" } : knownNode(node)),
    claims: { active: more.claims.length - orphaned, orphaned },
  };
}

function knownNode(node: StoredNode) {
  const { epoch, instance, sequence, lastSeenAt, leaseSeconds, leaseRemainingMs, departed } = node;
  const seen = instantText(lastSeenAt.wallMs);
  const lease = leaseSeconds === undefined ? {} : { leaseSeconds };
  const spoken = { epoch, instance, sequence, lastSeenAt: seen, ...lease };
  if (departed === undefined) {
    // Silence counts only while an agent listens: its lease has stood still since the last write.
    const leaseRemainingSeconds = Math.ceil(leaseRemainingMs / 1000);
    return { state: "alive" as const, ...spoken, leaseRemainingSeconds };
  }
  const { cause: departureCause, at } = departed;
  return {
    state: "departed" as const,
    ...spoken,
    departedAt: instantText(at.wallMs),
    departureCause,
  };
}

export function entryOfStore(entry: StoredEntry): History["entries"][number] {
  const { id, atWallMs, kind, vmUuid, managementNodeId, operationId, cause, by, detail } = entry;
  return {
    id,
    at: instantText(atWallMs),
    kind,
    ...(vmUuid === undefined ? {} : { vmUuid }),
    ...(managementNodeId === undefined ? {} : { managementNode: managementNodeId }),
    ...(operationId === undefined ? {} : { operationId }),
    ...(cause === undefined ? {} : { cause }),
    by,
    ...(detail === undefined ? {} : { detail }),
  };
}

function instantText(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
