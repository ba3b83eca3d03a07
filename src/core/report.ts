// The report filter: a judgement, filtered by the skip list.
//
// INVARIANTS:
// - G1: a VM on which a claim lived at any instant from the start of the observation to now is
//   named in `skipped`, and nowhere else. "Now" is the moment of sending: filter last, then send.
// - Each VM is in exactly one of `states`, `skipped`, `withheld`.

import type { Instant } from "./instant.ts";
import { isSeenAlive, type Judgement, judgeAbsent, type Verdict } from "./judgement.ts";
import type { Claim, EndedClaim } from "./claim.ts";
import type { SkipListView } from "./skip-list.ts";
import type { Stop } from "./stop.ts";
import { isStopState, type VmState, type WithholdingReason } from "./vm-state.ts";
import type { VmUuid } from "./vm-uuid.ts";

export interface SkippedVm {
  readonly vmUuid: VmUuid;
  /** libvirt or the process table shows it running or paused; never false: that would be a stop. */
  readonly alive: boolean;
  /** The claims that lived in the window, ended ones too. */
  readonly claims: readonly (Claim | EndedClaim)[];
}

export interface WithheldVm {
  readonly vmUuid: VmUuid;
  readonly reasons: readonly WithholdingReason[];
  /** Since when a stop of it has been withheld without a break. */
  readonly since: Instant;
}

export interface FilteredReport {
  readonly absentMeans: "stopped" | "unknown";
  readonly states: Readonly<Record<VmUuid, VmState>>;
  readonly skipped: readonly SkippedVm[];
  readonly withheld: readonly WithheldVm[];
  /** Stops that the report says, by name or by absence, and that were not acknowledged yet. */
  readonly stops: readonly Stop[];
}

/** Since when a stop has been withheld, per VM. */
export type WithheldSince = ReadonlyMap<VmUuid, Instant>;

/**
 * Filters a judgement by the claims that lived in its window.
 *
 * @param expect VMs that are answered by name even if nothing of them was seen
 * @param withheldSince from `trackWithheld`; a VM that is not in it is withheld since this
 *   observation
 */
export function filterReport(
  judgement: Judgement,
  skipList: SkipListView,
  expect: readonly VmUuid[],
  withheldSince: WithheldSince,
): FilteredReport {
  const { observation, verdicts } = judgement;
  const startMs = observation.startedAt.ms;
  const { live, ended } = skipList.livingSince(startMs);
  const skipped: SkippedVm[] = [];
  const skip = (vmUuid: VmUuid, claims: SkippedVm["claims"]): void => {
    skipped.push({ vmUuid, alive: isSeenAlive(vmUuid, observation), claims });
  };
  for (const [vmUuid, claims] of live) {
    skip(vmUuid, [...claims, ...(ended.get(vmUuid) ?? [])]);
  }
  for (const [vmUuid, claims] of ended) if (!live.has(vmUuid)) skip(vmUuid, claims);

  const unknowing = reasonsNotToKnow(skipList, startMs);
  const unknowingSince = skipList.amnesia?.since ?? observation.startedAt;
  const states: Record<VmUuid, VmState> = {};
  const withheld: WithheldVm[] = [];
  const place = (vmUuid: VmUuid, judged: Verdict): void => {
    if (live.has(vmUuid) || ended.has(vmUuid)) return;
    const verdict = withoutStop(judged, unknowing);
    if ("state" in verdict) {
      states[vmUuid] = verdict.state;
      return;
    }
    const fallback = verdict === judged ? observation.startedAt : unknowingSince;
    const since = withheldSince.get(vmUuid) ?? fallback;
    withheld.push({ vmUuid, reasons: verdict.withheld, since });
  };
  for (const [vmUuid, verdict] of verdicts) place(vmUuid, verdict);
  for (const vmUuid of expect) {
    if (!verdicts.has(vmUuid)) place(vmUuid, judgeAbsent(judgement));
  }
  const absentMeans = judgement.complete && unknowing.length === 0 ? "stopped" : "unknown";
  const isTold = ({ vmUuid, cause, isAcknowledged }: Stop): boolean => {
    if (cause === undefined || isAcknowledged) return false;
    if (live.has(vmUuid) || ended.has(vmUuid)) return false;
    if (isStopState(states[vmUuid])) return true;
    const verdict = verdicts.get(vmUuid);
    // That it moved away is no stop, but whoever does not know of every claim does not say it.
    const isMoved = verdict !== undefined && "withheld" in verdict && isMovedAway(verdict.withheld);
    if (isMoved) return unknowing.length === 0;
    return verdict === undefined && absentMeans === "stopped";
  };
  const stops = [...skipList.stops.values()].filter(isTold);
  return { absentMeans, states, skipped, withheld, stops };
}

function isMovedAway(reasons: readonly WithholdingReason[]): boolean {
  return reasons.length === 1 && reasons[0] === "migrated-away";
}

/**
 * What a report says of stops, per VM, for the history: a stop, by name or by absence, or that it is
 * withheld and why. Of skipped VMs it says nothing.
 */
export function sayingsOf(
  { absentMeans, states, skipped, withheld }: FilteredReport,
  stops: ReadonlyMap<VmUuid, Stop>,
): Map<VmUuid, string> {
  const sayings = new Map<VmUuid, string>();
  for (const [vmUuid, state] of Object.entries(states)) {
    if (isStopState(state)) sayings.set(vmUuid, state);
  }
  for (const { vmUuid, reasons } of withheld) {
    sayings.set(vmUuid, `${withheldWord}${reasons.join(", ")}`);
  }
  if (absentMeans === "unknown") return sayings;
  const absent = [...stops.keys()].filter((vmUuid) => {
    return states[vmUuid] === undefined && !sayings.has(vmUuid);
  });
  // A report may skip many thousands: they are looked through only where it matters.
  if (absent.length === 0) return sayings;
  const isSkipped = new Set(skipped.map(({ vmUuid }) => vmUuid));
  for (const vmUuid of absent) {
    if (!isSkipped.has(vmUuid)) sayings.set(vmUuid, "Stopped, by absence");
  }
  return sayings;
}

/** What a report says of one VM, in a word or two. */
export function sayingOf(
  { absentMeans, states, skipped, withheld }: FilteredReport,
  vmUuid: VmUuid,
): string {
  const state = states[vmUuid];
  if (state !== undefined) return state;
  if (skipped.some((vm) => vm.vmUuid === vmUuid)) return "skipped";
  const kept = withheld.find((vm) => vm.vmUuid === vmUuid);
  if (kept !== undefined) return `${withheldWord}${kept.reasons.join(", ")}`;
  return absentMeans === "stopped" ? "Stopped, by absence" : "nothing";
}

/** Begins a saying of a stop that was not said. */
export const withheldWord = "withheld: ";

/**
 * Carries on since when each VM has been withheld: an observation that says otherwise ends it. One
 * that is incomplete and does not name the VM says nothing.
 */
export function trackWithheld(before: WithheldSince, judgement: Judgement): WithheldSince {
  const since = new Map<VmUuid, Instant>();
  if (!judgement.complete) {
    for (const [vmUuid, instant] of before) {
      if (!judgement.verdicts.has(vmUuid)) since.set(vmUuid, instant);
    }
  }
  for (const [vmUuid, verdict] of judgement.verdicts) {
    if ("state" in verdict) continue;
    since.set(vmUuid, before.get(vmUuid) ?? judgement.observation.startedAt);
  }
  return since;
}

/** Why claims that lived in the window may not be known. */
function reasonsNotToKnow(skipList: SkipListView, startMs: number): WithholdingReason[] {
  const reasons: WithholdingReason[] = [];
  if (skipList.rememberedFromMs > startMs) reasons.push("claim-memory-cut");
  if (skipList.hadAmnesiaSince(startMs)) reasons.push("amnesia");
  return reasons;
}

function withoutStop(verdict: Verdict, reasons: readonly WithholdingReason[]): Verdict {
  if (!("state" in verdict) || reasons.length === 0) return verdict;
  return isStopState(verdict.state) ? { withheld: reasons } : verdict;
}
