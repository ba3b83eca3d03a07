// What of a report is worth an answer: two reports with the same content say the same of every VM,
// however much later the second one was made. It leaves out times and ids that change with each look,
// and counts every claim as what it says, not when it was said.

import type { Claim, EndedClaim } from "./claim.ts";
import type { FilteredReport, SkippedVm, WithheldVm } from "./report.ts";
import type { Stop } from "./stop.ts";

/** Amnesia as a report declares it, without how long it lasts. */
export interface AmnesiaContent {
  readonly reason: string;
  readonly waitingFor: readonly string[];
}

export interface Content {
  readonly filtered: FilteredReport;
  /** Undefined: none lasts. */
  readonly amnesia: AmnesiaContent | undefined;
}

/** Whether two reports say the same. */
export function isSameContent(one: Content, other: Content): boolean {
  if (!isSameAmnesia(one.amnesia, other.amnesia)) return false;
  const [a, b] = [one.filtered, other.filtered];
  if (a === b) return true;
  return (
    a.absentMeans === b.absentMeans &&
    isSameStates(a.states, b.states) &&
    isSameSet(a.skipped, b.skipped, isSameSkipped) &&
    isSameSet(a.withheld, b.withheld, isSameWithheld) &&
    isSameSet(a.stops, b.stops, isSameStop)
  );
}

function isSameAmnesia(one: Content["amnesia"], other: Content["amnesia"]): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.reason === other.reason && isSameList(one.waitingFor, other.waitingFor);
}

function isSameStates(one: FilteredReport["states"], other: FilteredReport["states"]): boolean {
  const entries = Object.entries(one);
  if (entries.length !== Object.keys(other).length) return false;
  return entries.every(([vmUuid, state]) => other[vmUuid] === state);
}

/** Whether two parts name the same VMs and say the same of each, in whatever order. */
function isSameSet<T extends { readonly vmUuid: string }>(
  one: readonly T[],
  other: readonly T[],
  isSame: (one: T, other: T) => boolean,
): boolean {
  if (one.length !== other.length) return false;
  const byVm = new Map(other.map((of) => [of.vmUuid, of]));
  return one.every((of) => {
    const found = byVm.get(of.vmUuid);
    return found !== undefined && isSame(of, found);
  });
}

function isSameSkipped(one: SkippedVm, other: SkippedVm): boolean {
  if (one.alive !== other.alive || one.claims.length !== other.claims.length) return false;
  return one.claims.every((claim, place) => {
    const same = other.claims[place];
    return same !== undefined && isSameClaim(claim, same);
  });
}

function isSameClaim(one: Claim | EndedClaim, other: Claim | EndedClaim): boolean {
  if (one === other) return true;
  return (
    one.managementNodeId === other.managementNodeId &&
    one.operationId === other.operationId &&
    one.reason === other.reason &&
    stateOf(one) === stateOf(other)
  );
}

function stateOf(claim: Claim | EndedClaim): string {
  if ("endedAt" in claim) return "ended";
  return claim.orphan === undefined ? "active" : "orphaned";
}

function isSameWithheld(one: WithheldVm, other: WithheldVm): boolean {
  return isSameList(one.reasons, other.reasons);
}

/** When it was tells one stop from the next of the same VM. */
function isSameStop(one: Stop, other: Stop): boolean {
  return one.cause === other.cause && one.at.ms === other.at.ms;
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, place) => item === other[place]);
}
