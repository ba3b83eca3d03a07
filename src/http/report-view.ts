import type { Agent } from "../agent/agent.ts";
import type { Report, SyncOutcome } from "../agent/answers.ts";
import type { Claim, EndedClaim } from "../core/claim.ts";
import type { RefusedClaim } from "../core/decide.ts";
import type { Instant } from "../core/instant.ts";
import { domainLooks } from "../core/observation.ts";
import type { SkippedVm, WithheldVm } from "../core/report.ts";
import type { Stop } from "../core/stop.ts";
import { amnesiaField } from "./amnesia-view.ts";
import { instantText, secondsUntil } from "./instants.ts";
import type * as report from "./schema/report.ts";

type SkippedView = report.Report["skipped"][number];
type RefusedEntry = NonNullable<report.Report["refused"]>[number];
type LibvirtView = NonNullable<report.Report["libvirt"]>;

function skippedView({ vmUuid, alive, claims }: SkippedVm, now: Instant): SkippedView {
  const views = claims.map((claim) => skippingClaimView(claim, now));
  return alive ? { vmUuid, alive, claims: views } : { vmUuid, claims: views };
}

function skippingClaimView(claim: Claim | EndedClaim, now: Instant): SkippedView["claims"][number] {
  const { managementNodeId: managementNode, operationId, reason, orphan } = claim;
  const base = { managementNode, operationId, reason, madeAt: instantText(claim.madeAt) };
  if ("endedAt" in claim) {
    return { ...base, state: "ended", endedAt: instantText(claim.endedAt) };
  }
  if (orphan === undefined) return { ...base, state: "active" };
  const remainingSeconds = secondsUntil(orphan.expiresAtMs, now);
  return { ...base, state: "orphaned", remainingSeconds };
}

function withheldView(vm: WithheldVm): report.Report["withheld"][number] {
  return { vmUuid: vm.vmUuid, reasons: [...vm.reasons], since: instantText(vm.since) };
}

function stopsView(stops: readonly Stop[]): report.Report["stops"] {
  const views: report.Report["stops"] = {};
  for (const { vmUuid, cause, at } of stops) {
    if (cause !== undefined) views[vmUuid] = { cause, at: instantText(at) };
  }
  return views;
}

function refusedView(entry: RefusedClaim): RefusedEntry {
  const { vmUuid, operationId, refusal } = entry;
  return { vmUuid, operationId, code: refusal.code, detail: refusal.detail };
}

/** virDomainState of domains that are not running: words that can be read as a stop. */
const stopLikeStates: readonly number[] = [5, 6];

/** libvirt's names are short, and nothing on the wire says so. */
const nameCharactersMax = 256;

/**
 * libvirt's own words. Of a VM whose stop the report does not say, not even these say it (G1).
 */
export function libvirtView(
  observation: Report["observation"],
  { states }: Report["filtered"],
): LibvirtView {
  const words: LibvirtView = {};
  for (const { uuid, name: fullName, state, reason } of domainLooks(observation).values()) {
    const said = states[uuid];
    const isSaid = said === "Stopped" || said === "Crashed";
    const name = fullName.slice(0, nameCharactersMax);
    words[uuid] = stopLikeStates.includes(state) && !isSaid ? { name } : { name, state, reason };
  }
  return words;
}

/** Without a list it is said only where something else could not be stored. */
function storedView(outcome: SyncOutcome | undefined) {
  if (outcome === undefined) return {};
  const { refused, claimsStored } = outcome;
  if (refused === undefined) return claimsStored ? {} : { claimsStored };
  return { refused: refused.map(refusedView), claimsStored };
}

/** The look that a report is made of. */
export function observationView({ observation, complete }: Report): report.Report["observation"] {
  return {
    startedAt: instantText(observation.startedAt),
    finishedAt: instantText(observation.finishedAt),
    complete,
    problems: [...observation.problems],
  };
}

/**
 * @param include what the question asked to be added
 * @param outcome what became of a statement that came with the question
 */
export function reportView(
  agent: Agent,
  of: Report,
  include: readonly string[],
  outcome?: SyncOutcome,
): report.Report {
  const { filtered, run } = of;
  const { host, version } = agent.identity;
  const now = agent.now();
  return {
    reportId: of.reportId,
    host,
    agent: { storeId: run.storeId, epoch: run.agentEpoch, version },
    observation: observationView(of),
    skipRevision: of.skipRevision,
    contentRevision: of.contentRevision,
    ...amnesiaField(of.amnesia, now),
    absentMeans: filtered.absentMeans,
    states: filtered.states,
    skipped: filtered.skipped.map((vm) => skippedView(vm, now)),
    withheld: filtered.withheld.map(withheldView),
    stops: stopsView(filtered.stops),
    ...storedView(outcome),
    ...(include.includes("libvirt") ? { libvirt: libvirtView(of.observation, filtered) } : {}),
  };
}

/** By the very object: what was filtered anew is another one, so no text outlives its filter (G1). */
const statesTexts = new WeakMap<report.Report["states"], string>();

/** A report as JSON. Its states are serialised once for all who ask for the same observation. */
export function reportText({ states, ...rest }: report.Report): string {
  let statesText = statesTexts.get(states);
  if (statesText === undefined) {
    statesText = JSON.stringify(states);
    statesTexts.set(states, statesText);
  }
  return `${JSON.stringify(rest).slice(0, -1)},"states":${statesText}}`;
}
