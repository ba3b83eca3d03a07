import type { Agent } from "../agent/agent.ts";
import type { Claim, Orphanhood } from "../core/claim.ts";
import type { Instant } from "../core/instant.ts";
import { instantText, secondsSince, secondsUntil } from "./instants.ts";
import type * as claims from "./schema/claims.ts";

/** A claim as it is now. */
export function claimView(agent: Agent, claim: Claim): claims.Claim {
  const { vmUuid, managementNodeId, operationId, reason, epoch, sequence } = claim;
  const { orphanTtlSeconds, orphan } = claim;
  const now = agent.now();
  const staleFromMs = claim.madeAt.ms + agent.policy.claimAgeWarningSeconds * 1000;
  const isStale = orphan === undefined && now.ms > staleFromMs;
  return {
    vmUuid,
    managementNode: managementNodeId,
    operationId,
    reason,
    ...(orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds }),
    epoch,
    sequence,
    madeAt: instantText(claim.madeAt),
    state: orphan === undefined ? "active" : "orphaned",
    ageSeconds: secondsSince(claim.madeAt, now),
    ...(isStale ? { stale: true } : {}),
    ...(orphan === undefined ? {} : { orphan: orphanView(orphan, now) }),
  };
}

function orphanView(orphan: Orphanhood, now: Instant): NonNullable<claims.Claim["orphan"]> {
  const { cause, since, ttlSeconds, expiresAtMs } = orphan;
  return {
    cause,
    orphanedAt: instantText(since),
    ttlSeconds,
    remainingSeconds: secondsUntil(expiresAtMs, now),
    expiresAt: instantText({ wallMs: now.wallMs + (expiresAtMs - now.ms) }),
  };
}
