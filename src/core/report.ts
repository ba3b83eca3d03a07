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
 * A judgement filtered for whoever asks, without the VMs that one of them expects. It holds until the
 * skip list changes (`filterRevision`), and is shared until then.
 */
export interface CommonReport {
  readonly filtered: FilteredReport;
  /** With VMs that are answered by name even if nothing of them was seen; itself if there are none. */
  expecting(expect: readonly VmUuid[]): FilteredReport;
  /** What it says of one VM, in the words of `sayingOf`. */
  sayingOf(vmUuid: VmUuid): string;
}

/**
 * Filters a judgement by the claims that lived in its window.
 *
 * @param withheldSince from `trackWithheld`; a VM that is not in it is withheld since this
 *   observation
 */
export function filterCommon(
  judgement: Judgement,
  skipList: SkipListView,
  withheldSince: WithheldSince,
): CommonReport {
  const { observation, verdicts } = judgement;
  const startMs = observation.startedAt.ms;
  const { live, ended } = skipList.livingSince(startMs);
  const skipped: SkippedVm[] = [];
  const isSkipped = new Set<VmUuid>();
  const skip = (vmUuid: VmUuid, claims: SkippedVm["claims"]): void => {
    skipped.push({ vmUuid, alive: isSeenAlive(vmUuid, observation), claims });
    isSkipped.add(vmUuid);
  };
  for (const [vmUuid, claims] of live) {
    skip(vmUuid, [...claims, ...(ended.get(vmUuid) ?? [])]);
  }
  for (const [vmUuid, claims] of ended) if (!live.has(vmUuid)) skip(vmUuid, claims);

  const unknowing = reasonsNotToKnow(skipList, startMs);
  const unknowingSince = skipList.amnesia?.since ?? observation.startedAt;
  const absentMeans = judgement.complete && unknowing.length === 0 ? "stopped" : "unknown";
  const place = (vmUuid: VmUuid, judged: Verdict, to: Places): void => {
    if (isSkipped.has(vmUuid)) return;
    const verdict = withoutStop(judged, unknowing);
    if ("state" in verdict) {
      to.states[vmUuid] = verdict.state;
      return;
    }
    const fallback = verdict === judged ? observation.startedAt : unknowingSince;
    const since = withheldSince.get(vmUuid) ?? fallback;
    to.withheld.push({ vmUuid, reasons: verdict.withheld, since });
  };
  const places: Places = { states: {}, withheld: [] };
  for (const [vmUuid, verdict] of verdicts) place(vmUuid, verdict, places);
  const isTold = ({ vmUuid, cause, isAcknowledged }: Stop): boolean => {
    if (cause === undefined || isAcknowledged || isSkipped.has(vmUuid)) return false;
    if (isStopState(places.states[vmUuid])) return true;
    const verdict = verdicts.get(vmUuid);
    // That it moved away is no stop, but whoever does not know of every claim does not say it.
    const isMoved = verdict !== undefined && "withheld" in verdict && isMovedAway(verdict.withheld);
    if (isMoved) return unknowing.length === 0;
    return verdict === undefined && absentMeans === "stopped";
  };
  const stops = [...skipList.stops.values()].filter(isTold);
  const filtered = { absentMeans, ...places, skipped, stops } as const;
  return {
    filtered,
    expecting: (expect) => {
      const unnamed = expect.filter((vmUuid) => !verdicts.has(vmUuid) && !isSkipped.has(vmUuid));
      if (unnamed.length === 0) return filtered;
      const own = { states: { ...places.states }, withheld: [...places.withheld] };
      // By name it is what its absence means: so the stops that are told are the same.
      for (const vmUuid of new Set(unnamed)) place(vmUuid, judgeAbsent(judgement), own);
      return { ...filtered, ...own };
    },
    sayingOf: (vmUuid) => (isSkipped.has(vmUuid) ? "skipped" : sayingOf(filtered, vmUuid)),
  };
}

/** Filters a judgement for one who expects VMs; see `filterCommon`. */
export function filterReport(
  judgement: Judgement,
  skipList: SkipListView,
  expect: readonly VmUuid[],
  withheldSince: WithheldSince,
): FilteredReport {
  return filterCommon(judgement, skipList, withheldSince).expecting(expect);
}

/** Where VMs are named that are not skipped. */
interface Places {
  readonly states: Record<VmUuid, VmState>;
  readonly withheld: WithheldVm[];
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
    if (!isSkipped.has(vmUuid)) sayings.set(vmUuid, stoppedByAbsence);
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
  return absentMeans === "stopped" ? stoppedByAbsence : "nothing";
}

/** Whether words of `sayingOf` can be read as a stop. */
export function isStopSaying(saying: string): boolean {
  return saying === "Stopped" || saying === "Crashed" || saying === stoppedByAbsence;
}

/** Says a stop of a VM that nothing names. */
const stoppedByAbsence = "Stopped, by absence";
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
