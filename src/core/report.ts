// The report filter: a judgement, filtered by the skip list.
//
// INVARIANTS:
// - G1: a VM on which a claim lived at any instant from the start of the observation to now is
//   named in `skipped`, and nowhere else. "Now" is the moment of sending: filter last, then send.
// - Each VM is in exactly one of `states`, `skipped`, `withheld`.

import type { Instant } from "./instant.ts";
import { isSeenAlive, type Judgement, judgeAbsent, type Verdict } from "./judgement.ts";
import type { Claim, EndedClaim, SkipListView } from "./skip-list.ts";
import type { VmState, WithholdingReason } from "./vm-state.ts";
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
  const claims = claimsInWindow(skipList, observation.startedAt);
  const skipped: SkippedVm[] = [];
  for (const [vmUuid, ofVm] of claims) {
    skipped.push({ vmUuid, alive: isSeenAlive(vmUuid, observation), claims: ofVm });
  }

  const memoryReachesBack = skipList.rememberedFromMs <= observation.startedAt.ms;
  const states: Record<VmUuid, VmState> = {};
  const withheld: WithheldVm[] = [];
  const place = (vmUuid: VmUuid, judged: Verdict): void => {
    if (claims.has(vmUuid)) return;
    const verdict = memoryReachesBack ? judged : withoutStop(judged);
    if ("state" in verdict) {
      states[vmUuid] = verdict.state;
      return;
    }
    const since = withheldSince.get(vmUuid) ?? observation.startedAt;
    withheld.push({ vmUuid, reasons: verdict.withheld, since });
  };
  for (const [vmUuid, verdict] of verdicts) place(vmUuid, verdict);
  for (const vmUuid of expect) {
    if (!verdicts.has(vmUuid)) place(vmUuid, judgeAbsent(judgement));
  }
  const absentMeans = judgement.complete && memoryReachesBack ? "stopped" : "unknown";
  return { absentMeans, states, skipped, withheld };
}

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

function claimsInWindow(
  skipList: SkipListView,
  start: Instant,
): ReadonlyMap<VmUuid, readonly (Claim | EndedClaim)[]> {
  const claims = new Map<VmUuid, (Claim | EndedClaim)[]>();
  const add = (claim: Claim | EndedClaim): void => {
    const ofVm = claims.get(claim.vmUuid);
    if (ofVm === undefined) claims.set(claim.vmUuid, [claim]);
    else ofVm.push(claim);
  };
  for (const claim of skipList.all()) add(claim);
  for (const claim of skipList.endedSince(start.ms)) add(claim);
  return claims;
}

function withoutStop(verdict: Verdict): Verdict {
  if (!("state" in verdict)) return verdict;
  const isStop = verdict.state === "Stopped" || verdict.state === "Crashed";
  return isStop ? { withheld: ["claim-memory-cut"] } : verdict;
}
