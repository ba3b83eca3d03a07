// What a management node's whole list changes.

import type { Change } from "./change.ts";
import { type ClaimStatement, keyWithinNode } from "./claim.ts";
import { noteContact } from "./contact.ts";
import {
  claim,
  claimsPerNodeMax,
  type Decision,
  namedBy,
  type RefusedClaim,
  saysTheSame,
  tooManyClaims,
} from "./decide.ts";
import type { Instant } from "./instant.ts";
import type { AppliedList, ManagementNode } from "./management-node.ts";
import type { Refusal } from "./refusal.ts";
import type { SkipListView } from "./skip-list.ts";

/** Refused entries of the last list that are kept. */
const refusedPlacesMax = 1_000;

/** A whole list, and a digest of its entries in order, by which its replay is known. */
export interface WholeList {
  readonly entries: readonly ClaimStatement[];
  readonly digest: string;
}

/**
 * A management node's whole list: what it names is claimed; its own claims of the same epoch that
 * it made before the list was written, and that the list leaves out, are over. Claims of another
 * epoch stay: who wrote this list may not have known of them. The same list again is answered as
 * the first time and changes no claim; another list of the same sequence is refused, since nothing
 * of it would be applied.
 *
 * @param isStored whether a live claim is durable as it stands; one that is not is said anew, so
 *   that this list does not rest on a claim whose own statement may still fail
 */
export function decideList(
  state: SkipListView,
  from: ManagementNode,
  list: WholeList,
  now: Instant,
  isStored: (statement: ClaimStatement) => boolean = () => true,
): Decision | Refusal {
  const known = state.managementNode(from.id);
  const last = known?.epoch === from.epoch ? known.lastList : undefined;
  if (last !== undefined && from.sequence <= last.sequence) {
    return answerOldList(state, from, list, last, now);
  }
  const ended = endsOf(state, from, list.entries, now);
  const room = claimsPerNodeMax - (state.countOf(from.id) - ended.length);
  const { changes, refused } = claimAll(state, from, list.entries, now, { room, isStored });
  const places = [...refused].map(([place, { code }]) => ({ place, code }));
  // The replay of a list of which more was refused than is kept cannot be answered as the first time.
  const isKept = places.length <= refusedPlacesMax;
  const applied: AppliedList = {
    sequence: from.sequence,
    digest: isKept ? list.digest : "",
    refused: isKept ? places : [],
  };
  const contact = noteContact(state, from, now, applied);
  if ("code" in contact) return contact;
  return {
    changes: [...contact, ...ended, ...changes],
    refused: [...refused].map(([place, refusal]) => {
      return { ...(list.entries[place] as ClaimStatement), refusal };
    }),
  };
}

/** The claims that a list ends by leaving them out. */
function endsOf(
  state: SkipListView,
  from: ManagementNode,
  entries: readonly ClaimStatement[],
  at: Instant,
): Change[] {
  const named = namedBy(entries);
  return (
    state
      .claimsOf(from.id)
      .filter((live) => live.epoch === from.epoch && live.sequence < from.sequence)
      // What it gave up without knowing the outcome is not in its lists, and lives for its TTL.
      .filter((live) => live.orphan?.cause !== "outcome-unknown")
      .filter((live) => !named.has(keyWithinNode(live)))
      .map((live) => ({ kind: "ended", claim: live, at, cause: "left-out-of-list" }))
  );
}

interface ClaimingAll {
  readonly room: number;
  readonly isStored: (statement: ClaimStatement) => boolean;
}

function claimAll(
  state: SkipListView,
  from: ManagementNode,
  entries: readonly ClaimStatement[],
  now: Instant,
  { room, isStored }: ClaimingAll,
): { changes: Change[]; refused: Map<number, Refusal> } {
  const changes: Change[] = [];
  const refused = new Map<number, Refusal>();
  let left = room;
  for (const [place, statement] of entries.entries()) {
    const live = state.find({ ...statement, managementNodeId: from.id });
    const isAsItWas =
      live?.epoch === from.epoch && live.orphan === undefined && saysTheSame(live, statement);
    if (isAsItWas && isStored(statement)) continue;
    const claimed = claim(state, from, statement, now);
    const isNew = live === undefined;
    if ("code" in claimed) {
      refused.set(place, claimed);
    } else if (isNew && left <= 0) {
      refused.set(place, tooManyClaims(from.id));
    } else {
      if (isNew) left -= 1;
      changes.push(...claimed);
    }
  }
  return { changes, refused };
}

/** A list that is not newer than the last one: its replay, or one that cannot be applied. */
function answerOldList(
  state: SkipListView,
  from: ManagementNode,
  list: WholeList,
  last: AppliedList,
  now: Instant,
): Decision | Refusal {
  const contact = noteContact(state, from, now);
  if ("code" in contact) return contact;
  const isBelow = from.sequence < last.sequence;
  if (isBelow || list.digest !== last.digest) {
    const why = isBelow
      ? `is below ${last.sequence}, that of the last one`
      : "is that of the last one, which said something else";
    const detail = `cannot apply the list of ${from.id}: its sequence ${from.sequence} ${why}; send the list anew with a higher one`;
    return { code: "stale-list", detail };
  }
  return { changes: contact, refused: replayedRefusals(from, list, last) };
}

function replayedRefusals(
  from: ManagementNode,
  { entries }: WholeList,
  last: AppliedList,
): RefusedClaim[] {
  return last.refused.flatMap(({ place, code }) => {
    const statement = entries[place];
    if (statement === undefined) return [];
    const detail = `cannot claim operation ${statement.operationId} for ${from.id}: refused when the list was first sent`;
    return [{ ...statement, refusal: { code, detail } }];
  });
}
