// What a statement of a management node changes in the skip list. Pure functions of (state,
// statement, now): the changes come back as data, and SkipList.apply makes them.

import type { Change } from "./change.ts";
import { type Claim, type ClaimStatement, keyWithinNode, operatorId, precedes } from "./claim.ts";
import { noteContact } from "./contact.ts";
import type { Instant } from "./instant.ts";
import { operationContinued, refuseLate } from "./lateness.ts";
import type { ManagementNode } from "./management-node.ts";
import { orphaned } from "./orphaning.ts";
import type { Refusal } from "./refusal.ts";
import { anyOwner } from "./tombstone.ts";
import type { SkipListView } from "./skip-list.ts";

/** Live claims that one management node may have. */
export const claimsPerNodeMax = 20_000;

export interface RefusedClaim extends ClaimStatement {
  readonly refusal: Refusal;
}

export interface Decision {
  readonly changes: readonly Change[];
  readonly refused: readonly RefusedClaim[];
}

/** A statement that says nothing but who speaks. */
export function decideContact(
  state: SkipListView,
  from: ManagementNode,
  now: Instant,
): Decision | Refusal {
  const contact = noteContact(state, from, now);
  return "code" in contact ? contact : { changes: contact, refused: [] };
}

/**
 * One claim. Counts from its receipt; said again it is renewed: its reason and TTL are replaced and
 * its place in the order rises.
 */
export function decideClaim(
  state: SkipListView,
  from: ManagementNode,
  statement: ClaimStatement,
  now: Instant,
): Decision | Refusal {
  const contact = noteContact(state, from, now);
  if ("code" in contact) return contact;
  const claimed = claim(state, from, statement, now);
  if ("code" in claimed) return claimed;
  const isNew = state.find({ ...statement, managementNodeId: from.id }) === undefined;
  if (isNew && state.countOf(from.id) >= claimsPerNodeMax) return tooManyClaims(from.id);
  return { changes: [...contact, ...claimed], refused: [] };
}

/** A claim of the operator: nobody's lease keeps it, so it is an orphan with a TTL from the start. */
export function decideOperatorClaim(
  state: SkipListView,
  statement: ClaimStatement,
  now: Instant,
): Decision | Refusal {
  const key = { ...statement, managementNodeId: operatorId };
  const was = state.find(key);
  const tombstone = was === undefined ? state.tombstone(key) : undefined;
  const ofAny = state.tombstone({ ...key, managementNodeId: anyOwner });
  const isOver = tombstone?.kind === "continued" || (was === undefined && ofAny !== undefined);
  if (isOver) return operationContinued(key);
  if (was === undefined && state.countOf(operatorId) >= claimsPerNodeMax) {
    return tooManyClaims(operatorId);
  }
  const made = makeClaim(undefined, { id: operatorId, epoch: 0, sequence: 0 }, statement, now);
  const { claim: orphan } = orphaned(state, made, "operator", now) as { claim: Claim };
  const cleared: Change[] =
    tombstone === undefined ? [] : [{ kind: "tombstone-removed", tombstone }];
  return { changes: [...cleared, { kind: "claimed", claim: orphan, was }], refused: [] };
}

/** What a statement that names a claim does to it. */
export function claim(
  state: SkipListView,
  from: ManagementNode,
  statement: ClaimStatement,
  now: Instant,
): Change[] | Refusal {
  const key = { ...statement, managementNodeId: from.id };
  const live = state.find(key);
  if (live === undefined) {
    const allowed = refuseLate(state, from, key);
    if ("code" in allowed) return allowed;
    const made = makeClaim(undefined, from, statement, now);
    return [...allowed, { kind: "claimed", claim: made, was: undefined }];
  }
  // It gave the operation up: what it said before that arrives late, and what comes after is new.
  if (live.orphan?.cause === "outcome-unknown" && live.epoch === from.epoch) {
    return operationContinued(key);
  }
  return [{ kind: "claimed", claim: makeClaim(live, from, statement, now), was: live }];
}

function makeClaim(
  live: Claim | undefined,
  from: { readonly id: string; readonly epoch: number; readonly sequence: number },
  statement: ClaimStatement,
  now: Instant,
): Claim {
  // A statement that was overtaken on its way keeps the claim alive and says nothing new of it.
  const isOvertaken = live !== undefined && precedes(from, live);
  const { reason, orphanTtlSeconds } = isOvertaken ? live : statement;
  const { epoch, sequence } = isOvertaken ? live : from;
  return {
    vmUuid: statement.vmUuid,
    managementNodeId: from.id,
    operationId: statement.operationId,
    reason,
    orphanTtlSeconds,
    epoch,
    sequence,
    madeAt: live?.madeAt ?? now,
    orphan: undefined,
  };
}

/** Whether a statement says of a claim what is known of it. */
export function saysTheSame(known: ClaimStatement, statement: ClaimStatement): boolean {
  return known.reason === statement.reason && known.orphanTtlSeconds === statement.orphanTtlSeconds;
}

export function tooManyClaims(managementNodeId: string): Refusal {
  const detail = `cannot claim for ${managementNodeId}: it has ${claimsPerNodeMax} live claims, the most that are allowed; continue those that are over`;
  return { code: "too-many-claims", detail };
}

/** Which operations a list names. */
export function namedBy(list: readonly ClaimStatement[]): ReadonlySet<string> {
  return new Set(list.map(keyWithinNode));
}
