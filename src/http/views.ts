// From the agent's values to the messages of the API.

import type { Agent, AgentStatus, Report } from "../agent/agent.ts";
import type { RefusedClaim } from "../core/decide.ts";
import type { Instant } from "../core/instant.ts";
import { isComplete } from "../core/observation.ts";
import type { SkippedVm, WithheldVm } from "../core/report.ts";
import type { Claim, EndedClaim } from "../core/skip-list.ts";
import type * as claims from "./schema/claims.ts";
import type * as report from "./schema/report.ts";
import type * as status from "./schema/status.ts";

export function instantText({ wallMs }: Instant): string {
  return new Date(wallMs).toISOString();
}

export function claimView(claim: Claim): claims.Claim {
  const { vmUuid, managementNodeId, operationId, reason, epoch, sequence } = claim;
  const { orphanTtlSeconds } = claim;
  return {
    vmUuid,
    managementNode: managementNodeId,
    operationId,
    reason,
    ...(orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds }),
    epoch,
    sequence,
    madeAt: instantText(claim.madeAt),
  };
}

function skippedView({ vmUuid, alive, claims: ofVm }: SkippedVm): report.Report["skipped"][number] {
  const views = ofVm.map((claim: Claim | EndedClaim) => {
    const { managementNodeId: managementNode, operationId, reason } = claim;
    const madeAt = instantText(claim.madeAt);
    const base = { managementNode, operationId, reason, madeAt };
    return "endedAt" in claim ? { ...base, endedAt: instantText(claim.endedAt) } : base;
  });
  return alive ? { vmUuid, alive, claims: views } : { vmUuid, claims: views };
}

function withheldView(vm: WithheldVm): report.Report["withheld"][number] {
  return { vmUuid: vm.vmUuid, reasons: [...vm.reasons], since: instantText(vm.since) };
}

export function refusedView(entry: RefusedClaim): RefusedEntry {
  const { vmUuid, operationId, refusal } = entry;
  return { vmUuid, operationId, code: refusal.code, detail: refusal.detail };
}
type RefusedEntry = NonNullable<report.Report["refused"]>[number];

/** virDomainState of domains that are not running: words that can be read as a stop. */
const stopLikeStates: readonly number[] = [5, 6];

/** libvirt's names are short, and nothing on the wire says so. */
const nameCharactersMax = 256;

/**
 * libvirt's own words. Of a VM whose stop the report does not say, not even these say it (G1).
 */
function libvirtView(of: Report): NonNullable<report.Report["libvirt"]> {
  const words: NonNullable<report.Report["libvirt"]> = {};
  for (const { uuid, name: fullName, state, reason } of of.observation.domains?.values() ?? []) {
    const said = of.filtered.states[uuid];
    const isSaid = said === "Stopped" || said === "Crashed";
    const name = fullName.slice(0, nameCharactersMax);
    words[uuid] = stopLikeStates.includes(state) && !isSaid ? { name } : { name, state, reason };
  }
  return words;
}

/** @param include what the question asked to be added */
export function reportView(
  agent: Agent,
  of: Report,
  include: readonly string[],
  refused?: readonly RefusedClaim[],
): report.Report {
  const { observation, filtered } = of;
  const { host, version } = agent.identity;
  return {
    reportId: of.reportId,
    host,
    agent: { version },
    observation: {
      startedAt: instantText(observation.startedAt),
      finishedAt: instantText(observation.finishedAt),
      complete: of.complete,
      problems: [...observation.problems],
    },
    skipRevision: of.skipRevision,
    absentMeans: filtered.absentMeans,
    states: filtered.states,
    skipped: filtered.skipped.map(skippedView),
    withheld: filtered.withheld.map(withheldView),
    ...(refused === undefined ? {} : { refused: refused.map(refusedView) }),
    ...(include.includes("libvirt") ? { libvirt: libvirtView(of) } : {}),
  };
}

export function statusView(agent: Agent, of: AgentStatus): status.Status {
  const { libvirt, lastObservation } = of;
  const { host, version } = agent.identity;
  return {
    host,
    agent: { version, startedAt: instantText(of.startedAt) },
    libvirt: {
      up: libvirt.up,
      since: instantText(libvirt.since),
      ...(libvirt.up ? { socket: libvirt.socket } : { code: libvirt.code, detail: libvirt.detail }),
      ...libvirt.counts,
    },
    ...(lastObservation === undefined ? {} : { observation: observationView(lastObservation) }),
    skipRevision: of.skipRevision,
    claims: { active: of.activeClaims },
    managementNodes: of.managementNodes.map(({ id, isConfigured, claims: count, known }) => ({
      id,
      configured: isConfigured,
      claims: count,
      ...(known === undefined
        ? {}
        : { epoch: known.epoch, lastSeenAt: instantText(known.lastSeenAt) }),
    })),
  };
}

function observationView(of: NonNullable<AgentStatus["lastObservation"]>) {
  return {
    startedAt: instantText(of.startedAt),
    durationMs: Math.round((of.finishedAt.ms - of.startedAt.ms) * 1000) / 1000,
    complete: isComplete(of),
    ...(of.domains === undefined ? {} : { domains: of.domains.size }),
    qemuProcesses: of.qemus.size,
    problems: [...of.problems],
  };
}
