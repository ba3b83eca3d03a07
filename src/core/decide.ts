// What a statement of a management node changes in the skip list. Pure functions of (state,
// statement, now): the changes come back as data, and SkipList.apply makes them.

import { noteContact, precedes } from "./contact.ts";
import type { Instant } from "./instant.ts";
import type { Refusal } from "./refusal.ts";
import {
  type AppliedList,
  type Change,
  type Claim,
  type ClaimKey,
  type ClaimStatement,
  keyWithinNode,
  type ManagementNode,
  type SkipListView,
} from "./skip-list.ts";

/** Live claims that one management node may have. */
export const claimsPerNodeMax = 20_000;

export interface RefusedClaim extends ClaimStatement {
  readonly refusal: Refusal;
}

export interface Decision {
  readonly changes: readonly Change[];
  readonly refused: readonly RefusedClaim[];
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
  const live = state.find({ ...statement, managementNodeId: from.id });
  const isNew = live === undefined;
  if (isNew && state.countOf(from.id) >= claimsPerNodeMax) return tooManyClaims(from.id);
  const claim = makeClaim(live, from, statement, now);
  return { changes: [...contact, { kind: "claimed", claim, isNew }], refused: [] };
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
 * A management node's whole list: what it names is claimed; its own claims of the same epoch that
 * it made before the list was written, and that the list leaves out, are over. Claims of another
 * epoch stay: who wrote this list may not have known of them. The same list again is answered as
 * the first time and changes no claim; another list of the same sequence is refused, since nothing
 * of it would be applied.
 */
export function decideList(
  state: SkipListView,
  from: ManagementNode,
  list: readonly ClaimStatement[],
  now: Instant,
): Decision | Refusal {
  const last = state.managementNode(from.id);
  const lastList = last?.epoch === from.epoch ? last.lastList : undefined;
  if (lastList !== undefined && from.sequence <= lastList.sequence) {
    return answerOldList(state, from, list, lastList, now);
  }

  const before = state.claimsOf(from.id);
  const named = new Set(list.map(keyWithinNode));
  const ended = before.filter((claim) => {
    const isOlder = claim.epoch === from.epoch && claim.sequence < from.sequence;
    return isOlder && !named.has(keyWithinNode(claim));
  });
  const changes: Change[] = [];
  for (const claim of ended) {
    changes.push({ kind: "ended", claim, at: now, cause: "left-out-of-list" });
  }
  let room = claimsPerNodeMax - (before.length - ended.length);
  const refused: number[] = [];
  for (const [place, statement] of list.entries()) {
    const live = state.find({ ...statement, managementNodeId: from.id });
    const isNew = live === undefined;
    if (isNew && room <= 0) {
      refused.push(place);
      continue;
    }
    if (isNew) room -= 1;
    else if (live.epoch === from.epoch && saysTheSame(live, statement)) continue;
    changes.push({ kind: "claimed", claim: makeClaim(live, from, statement, now), isNew });
  }
  const applied = { sequence: from.sequence, entries: list, refused };
  const contact = noteContact(state, from, now, applied);
  if ("code" in contact) return contact;
  return { changes: [...contact, ...changes], refused: refusedClaims(from, list, refused) };
}

/**
 * The explicit end of a claim ("continue tracing"). Always works: for a claim that is not there
 * nothing changes.
 *
 * @param owner whose claim; without it the one management node that has a claim of this operation
 * @returns a refusal only if no owner is named and several have one
 */
export function decideContinue(
  state: SkipListView,
  key: Omit<ClaimKey, "managementNodeId">,
  owner: string | undefined,
  now: Instant,
): Decision | Refusal {
  const claims = state
    .claimsOn(key.vmUuid)
    .filter((claim) => claim.operationId === key.operationId)
    .filter((claim) => owner === undefined || claim.managementNodeId === owner);
  if (claims.length > 1) {
    const owners = claims.map((claim) => claim.managementNodeId).join(", ");
    const detail = `cannot continue operation ${key.operationId}: ${owners} each have a claim of that name; name one as managementNode`;
    return { code: "ambiguous-owner", detail };
  }
  const changes = claims.map((claim) => {
    return { kind: "ended", claim, at: now, cause: "continued" } as const;
  });
  return { changes, refused: [] };
}

/** A list that is not newer than the last one: its replay, or one that cannot be applied. */
function answerOldList(
  state: SkipListView,
  from: ManagementNode,
  list: readonly ClaimStatement[],
  last: AppliedList,
  now: Instant,
): Decision | Refusal {
  const contact = noteContact(state, from, now);
  if ("code" in contact) return contact;
  const isBelow = from.sequence < last.sequence;
  if (isBelow || !isSameList(list, last.entries)) {
    const why = isBelow
      ? `is below ${last.sequence}, that of the last one`
      : "is that of the last one, which said something else";
    const detail = `cannot apply the list of ${from.id}: its sequence ${from.sequence} ${why}; send the list anew with a higher one`;
    return { code: "stale-list", detail };
  }
  return { changes: contact, refused: refusedClaims(from, list, last.refused) };
}

function refusedClaims(
  from: ManagementNode,
  list: readonly ClaimStatement[],
  places: readonly number[],
): RefusedClaim[] {
  const refused = new Set(places);
  return list
    .filter((_, place) => refused.has(place))
    .map((statement) => ({ ...statement, refusal: tooManyClaims(from.id) }));
}

function isSameList(one: readonly ClaimStatement[], other: readonly ClaimStatement[]): boolean {
  if (one.length !== other.length) return false;
  return one.every((statement, place) => {
    const there = other[place];
    if (there === undefined || keyWithinNode(there) !== keyWithinNode(statement)) return false;
    return saysTheSame(there, statement);
  });
}

function makeClaim(
  live: Claim | undefined,
  from: ManagementNode,
  statement: ClaimStatement,
  now: Instant,
): Claim {
  const { vmUuid, operationId, reason, orphanTtlSeconds } = statement;
  const { epoch, sequence } = live !== undefined && precedes(from, live) ? live : from;
  const madeAt = live?.madeAt ?? now;
  const managementNodeId = from.id;
  return {
    vmUuid,
    managementNodeId,
    operationId,
    reason,
    orphanTtlSeconds,
    epoch,
    sequence,
    madeAt,
  };
}

function saysTheSame(claim: ClaimStatement, statement: ClaimStatement): boolean {
  return claim.reason === statement.reason && claim.orphanTtlSeconds === statement.orphanTtlSeconds;
}

function tooManyClaims(managementNodeId: string): Refusal {
  const detail = `cannot claim for ${managementNodeId}: it has ${claimsPerNodeMax} live claims, the most that are allowed; continue those that are over`;
  return { code: "too-many-claims", detail };
}
