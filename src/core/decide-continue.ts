// The explicit end of claims ("continue tracing"). It always works (G5): it is never refused for
// epoch or sequence, whoever asks, and what is not known is recorded as over.

import type { Change } from "./change.ts";
import { type Claim, type ClaimKey, laterPlace, type Place, precedes } from "./claim.ts";
import type { Decision } from "./decide.ts";
import type { Instant } from "./instant.ts";
import { reservedIds } from "./contact.ts";
import { orphaned } from "./orphaning.ts";
import type { Refusal } from "./refusal.ts";
import type { SkipListView } from "./skip-list.ts";
import { anyOwner } from "./tombstone.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Who continues. Without a place everything of the caller up to now is meant. */
export interface Caller {
  readonly id: string;
  readonly epoch?: number | undefined;
  readonly sequence?: number | undefined;
}

export interface OperationContinue {
  /** Whose claim; without it the caller's own, else orphans, else the single live owner's. */
  readonly owner?: string | undefined;
  readonly caller?: Caller | undefined;
  /** The operation was given up, and how it ended is not known: it becomes an orphan now. */
  readonly outcome?: "unknown" | undefined;
}

type OperationKey = Omit<ClaimKey, "managementNodeId">;

/**
 * Ends the claims of one operation and leaves a tombstone, even if nothing was there.
 *
 * @returns a refusal only if nobody is named and several management nodes have such a claim
 */
export function decideContinue(
  state: SkipListView,
  key: OperationKey,
  how: OperationContinue,
  now: Instant,
): Decision | Refusal {
  const targets = targetsOf(state, key, how);
  if ("code" in targets) return targets;
  const isGivenUp = how.outcome === "unknown" && targets.length > 0;
  if (isGivenUp) return decided(targets.flatMap((claim) => giveUp(state, claim, how.caller, now)));
  const ended = targets.map((claim) => end(claim, now));
  return decided([...ended, ...tombstonesOf(state, key, how, targets, now)]);
}

/**
 * Ends the caller's claims on a VM that it made before this, and leaves a floor below which its
 * claims on the VM are refused.
 *
 * @param orphans end the orphans of others too; an active claim of another is never ended
 */
export function decideContinueVm(
  state: SkipListView,
  vmUuid: VmUuid,
  { caller, orphans }: { caller?: Caller | undefined; orphans: boolean },
  now: Instant,
): Decision {
  const upTo = caller && callerPlace(state, caller);
  const targets = state.claimsOn(vmUuid).filter((claim) => {
    if (claim.managementNodeId !== caller?.id) return orphans && claim.orphan !== undefined;
    return upTo === undefined || !precedes(upTo, claim);
  });
  const changes = targets.flatMap((claim): Change[] => [
    end(claim, now),
    tombstone(state, claim, caller, now),
  ]);
  if (caller !== undefined && upTo !== undefined) {
    changes.push(...floor(state, vmUuid, caller.id, upTo, now));
  }
  return decided(changes);
}

function targetsOf(
  state: SkipListView,
  key: OperationKey,
  { owner, caller }: OperationContinue,
): readonly Claim[] | Refusal {
  const claims = state
    .claimsOn(key.vmUuid)
    .filter(({ operationId }) => operationId === key.operationId);
  if (owner !== undefined) {
    return claims.filter(({ managementNodeId }) => managementNodeId === owner);
  }
  const own = claims.filter(({ managementNodeId }) => managementNodeId === caller?.id);
  if (own.length > 0) return own;
  // It has ended its own already, so this is said once more: what is left is the others'. Who is no
  // management node, such as the operator, means others from the start.
  const isOwner = caller !== undefined && !reservedIds.has(caller.id);
  if (isOwner && state.tombstone({ ...key, managementNodeId: caller.id })) return [];
  const orphans = claims.filter(({ orphan }) => orphan !== undefined);
  if (orphans.length > 0) return orphans;
  if (claims.length <= 1) return claims;
  // Who is named as caller is done with its own operation, and that of others is theirs.
  if (caller !== undefined) return [];
  const owners = claims.map(({ managementNodeId }) => managementNodeId).join(", ");
  const detail = `cannot continue operation ${key.operationId}: ${owners} each have a claim of that name; name one as managementNode`;
  return { code: "ambiguous-owner", detail };
}

/** Tombstones of what ended, and of what was meant though nothing was there. */
function tombstonesOf(
  state: SkipListView,
  key: OperationKey,
  { owner, caller }: OperationContinue,
  ended: readonly Claim[],
  now: Instant,
): Change[] {
  const owners = new Set(ended.map(({ managementNodeId }) => managementNodeId));
  if (owner !== undefined) owners.add(owner);
  else if (caller !== undefined && !reservedIds.has(caller.id)) owners.add(caller.id);
  if (owners.size === 0) owners.add(anyOwner);
  return [...owners].map((managementNodeId) => {
    return tombstone(state, { ...key, managementNodeId }, caller, now);
  });
}

function giveUp(
  state: SkipListView,
  live: Claim,
  caller: Caller | undefined,
  now: Instant,
): Change[] {
  // What its owner said of it before is over, also where it has not arrived yet.
  const place = caller?.id === live.managementNodeId ? callerPlace(state, caller) : undefined;
  // An earlier process of the owner gave it up, and a later one has taken it over since.
  if (place !== undefined && place.epoch < live.epoch) return [];
  const claim = { ...live, ...laterPlace(live, place ?? live) };
  if (claim.orphan === undefined) return [orphaned(state, claim, "outcome-unknown", now)];
  if (claim.orphan.cause === "outcome-unknown") return [];
  // Its TTL runs already, and goes on; but its management node does not take it back.
  const orphan = { ...claim.orphan, cause: "outcome-unknown" } as const;
  return [{ kind: "orphaned", claim: { ...claim, orphan } }];
}

function end(claim: Claim, at: Instant): Change {
  return { kind: "ended", claim, at, cause: "continued" };
}

/** The end of an operation: nothing that its owner said before may bring it back. */
function tombstone(
  state: SkipListView,
  key: ClaimKey,
  caller: Caller | undefined,
  at: Instant,
): Change {
  const { vmUuid, operationId, managementNodeId } = key;
  const ownCall = caller?.id === managementNodeId ? callerPlace(state, caller) : undefined;
  const seen = highestSeen(state, managementNodeId);
  const upTo = laterPlace(seen, ownCall ?? seen);
  return {
    kind: "tombstone",
    tombstone: { vmUuid, managementNodeId, operationId, kind: "continued", upTo, at },
  };
}

function floor(
  state: SkipListView,
  vmUuid: VmUuid,
  managementNodeId: string,
  upTo: Place,
  at: Instant,
): Change[] {
  const known = state.floor(vmUuid, managementNodeId)?.upTo;
  if (known !== undefined && !precedes(known, upTo)) return [];
  return [{ kind: "floor", floor: { vmUuid, managementNodeId, upTo, at } }];
}

/** Where in the caller's order the continue stands. */
function callerPlace(state: SkipListView, { id, epoch, sequence }: Caller): Place | undefined {
  if (epoch !== undefined && sequence !== undefined) return { epoch, sequence };
  const known = state.managementNode(id);
  return known && { epoch: known.epoch, sequence: known.sequence };
}

/** Highest place of a management node that was seen; the lowest of all where it is not known. */
export function highestSeen(state: SkipListView, managementNodeId: string): Place {
  const { epoch, sequence } = state.managementNode(managementNodeId) ?? { epoch: 0, sequence: 0 };
  return { epoch, sequence };
}

function decided(changes: readonly Change[]): Decision {
  return { changes, refused: [] };
}
