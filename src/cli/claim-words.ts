// Claims in words: which one, how it is, and what ends it.

import type { Claim } from "../client/client.ts";
import { optionWords, shellLine } from "./shell-words.ts";
import { agoText, countText, orphanCauseText, roughSpanText, spanText } from "./words.ts";

const operator = "operator";

/** Whose: "mn-1", "the operator". */
export function ownerText(managementNode: string): string {
  return managementNode === operator ? "the operator" : managementNode;
}

/** "claim start-7 of mn-1" */
export function claimName({ operationId, managementNode }: ClaimPlace): string {
  return `claim ${operationId} of ${ownerText(managementNode)}`;
}
type ClaimPlace = Pick<Claim, "operationId" | "managementNode">;

/** How a claim is, for a column of a table: what matters most comes first, for the rest may be cut. */
export function claimStateText({ orphan, stale, ageSeconds }: Claim): string {
  const age = roughSpanText(ageSeconds);
  if (orphan === undefined) return stale ? `STALE, ${age} old` : `active, ${age} old`;
  return `${roughSpanText(orphan.remainingSeconds)} left, orphan, ${age} old`;
}

/** "2 active (1 STALE), 1 orphaned" */
export function claimCountText(of: { active: number; orphaned: number; stale?: number }): string {
  const stale = of.stale ? ` (${of.stale} STALE: see vmsyncctl claims list)` : "";
  return `${of.active} active${stale}, ${of.orphaned} orphaned`;
}

/** "No claim lives", "1 claim lives", "2 claims live" */
export function livingText(count: number): string {
  if (count === 0) return "No claim lives";
  return count === 1 ? "1 claim lives" : `${countText(count, "claim")} live`;
}

/** A claim in full, each part behind its heading. */
export function claimParts(claim: Claim, nowMs: number): [heading: string, text: string][] {
  const { operationId, managementNode, reason, epoch, sequence, madeAt } = claim;
  const by = managementNode === operator ? "" : ` (epoch ${epoch}, sequence ${sequence})`;
  return [
    ["Operation", `${operationId} of ${ownerText(managementNode)}${by}`],
    ["Reason", reason || "none given"],
    ["Made", `${agoText(madeAt, nowMs)}, at ${madeAt}`],
    ["State", stateSentence(claim, nowMs)],
    ["Ends", endSentence(claim)],
  ];
}

function stateSentence({ orphan, stale, managementNode }: Claim, nowMs: number): string {
  if (orphan !== undefined) {
    const why = orphanCauseText(orphan.cause, managementNode);
    const since = agoText(orphan.orphanedAt, nowMs);
    return `orphaned ${since} for ${spanText(orphan.ttlSeconds * 1000)}: ${why}`;
  }
  return stale
    ? "active, STALE: it lives longer than claimAgeWarningSeconds, and may have been forgotten; it hides its VM from high availability"
    : "active";
}

function endSentence({ managementNode, orphan, orphanTtlSeconds }: Claim): string {
  if (orphan !== undefined) {
    const left = spanText(orphan.remainingSeconds * 1000);
    const back = mayReturn(orphan.cause) ? `, unless ${managementNode} takes it back` : "";
    return `by itself in ${left}, at ${orphan.expiresAt}${back}`;
  }
  const life = orphanTtlSeconds === undefined ? "its TTL" : spanText(orphanTtlSeconds * 1000);
  return `when ${managementNode} continues it or sends a list without it; if ${managementNode} departs, it becomes an orphan and ends after ${life}`;
}

/** Whether an orphan may become active again. */
function mayReturn(cause: string): boolean {
  return cause !== "operator" && cause !== "outcome-unknown";
}

/**
 * The command that ends one claim.
 *
 * @param address the options that say where the agent is
 */
export function continueCommand(
  claim: Pick<Claim, "vmUuid" | "operationId" | "managementNode">,
  address: readonly string[],
): string {
  const { vmUuid, operationId, managementNode } = claim;
  const operation = operationId.startsWith("-") ? `--operation=${operationId}` : operationId;
  const owner = optionWords("--owner", managementNode);
  const words = ["vmsyncctl", "claims", "continue", vmUuid, operation, ...owner, ...address];
  return shellLine(words);
}
