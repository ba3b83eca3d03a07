// From what libvirt says and whether a QEMU lives to one verdict per VM. Pure; the skip list comes
// later (report.ts).
//
// INVARIANTS:
// - G7: nothing that an incomplete look could not settle is a stop. What libvirt told of one domain,
//   asked for it alone, is settled; that it knows no such domain settles nothing.
// - G8: a VM whose QEMU lives is never a stop, whatever libvirt says.
// - Unknown is a verdict of its own, never a default of "stopped".

import { type DomainLook, domainLooks, isComplete, type Observation } from "./observation.ts";
import { isUnnoticedMigration, type Stop } from "./stop.ts";
import type { VmState, WithholdingReason } from "./vm-state.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** virDomainState (libvirt-domain.h). */
const libvirtStates = {
  running: 1,
  blocked: 2,
  paused: 3,
  shuttingDown: 4,
  shutOff: 5,
  crashed: 6,
  suspended: 7,
} as const;
/** VIR_DOMAIN_PAUSED_STARTING_UP. */
const pausedStartingUp = 11;
/** VIR_DOMAIN_SHUTOFF_CRASHED and VIR_DOMAIN_SHUTOFF_MIGRATED. */
const shutOffCrashed = 3;
const shutOffMigrated = 4;

/** Either a state that may be said, or the reason for which a stop is not said. */
export type Verdict =
  | { readonly state: VmState }
  | { readonly withheld: readonly WithholdingReason[] };

export interface Judgement {
  readonly observation: Observation;
  readonly complete: boolean;
  /** Every VM that libvirt or the process table named. */
  readonly verdicts: ReadonlyMap<VmUuid, Verdict>;
}

const unknown: Verdict = { state: "Unknown" };

function withheld(reason: WithholdingReason): Verdict {
  return { withheld: [reason] };
}

/** What is known beside the look. */
export interface Evidence {
  readonly stops: ReadonlyMap<VmUuid, Stop>;
  /** VMs that are gone in too great a number to be believed; see presence.ts. */
  readonly doubted: ReadonlySet<VmUuid>;
  /** VMs of which libvirt told since the look began that they run. */
  readonly started: ReadonlySet<VmUuid>;
}

const noEvidence: Evidence = { stops: new Map(), doubted: new Set(), started: new Set() };

/** Judges every VM that an observation named, or of which the evidence says that it did not stop. */
export function judge(observation: Observation, evidence: Evidence = noEvidence): Judgement {
  const verdicts = new Map<VmUuid, Verdict>();
  const complete = isComplete(observation);
  for (const domain of domainLooks(observation).values()) {
    verdicts.set(domain.uuid, judgeDomain(domain, observation, evidence));
  }
  for (const uuid of observation.qemus) {
    if (verdicts.has(uuid)) continue;
    // A process without a domain suggests a stop only where libvirt named all its domains.
    const isNamed = observation.domains !== undefined;
    verdicts.set(uuid, isNamed ? withheld("qemu-process-alive") : unknown);
  }
  // To a management node the absence of a VM is a stop: so these are named.
  for (const stop of evidence.stops.values()) {
    if (!isUnnoticedMigration(stop) || verdicts.has(stop.vmUuid)) continue;
    verdicts.set(stop.vmUuid, withheld("migrated-away"));
  }
  for (const vmUuid of evidence.started) {
    if (!verdicts.has(vmUuid)) verdicts.set(vmUuid, withheld("qemu-process-alive"));
  }
  for (const vmUuid of evidence.doubted) {
    if (!verdicts.has(vmUuid)) verdicts.set(vmUuid, withheld("mass-disappearance"));
  }
  return { observation, complete, verdicts };
}

/**
 * Whether a stop that libvirt told of one domain alone can be said: only if every process was looked
 * at. What made such a look incomplete is that other domains were not told of.
 */
function isSettledOneByOne({ domains, processesWhole }: Observation): boolean {
  return domains === undefined && processesWhole;
}

/** Judges a VM that neither libvirt nor the process table named. */
export function judgeAbsent(judgement: Judgement): Verdict {
  return judgement.complete ? { state: "Stopped" } : withheld("observation-incomplete");
}

/** Whether libvirt or the process table shows the VM running or paused. */
export function isSeenAlive(uuid: VmUuid, observation: Observation): boolean {
  if (observation.qemus.has(uuid)) return true;
  const state = domainLooks(observation).get(uuid)?.state;
  const { running, blocked, paused } = libvirtStates;
  return state === running || state === blocked || state === paused;
}

function judgeDomain(domain: DomainLook, observation: Observation, evidence: Evidence): Verdict {
  const { state, reason, uuid } = domain;
  const hasProcess = observation.qemus.has(uuid);
  switch (state) {
    case libvirtStates.running:
    case libvirtStates.blocked:
      return judgeActive("Running", hasProcess, observation);
    case libvirtStates.paused:
      // A start in progress: its process may still be libvirtd's child, not QEMU yet.
      if (reason === pausedStartingUp) return { state: "Starting" };
      return judgeActive("Paused", hasProcess, observation);
    case libvirtStates.shuttingDown:
      return { state: "ShuttingDown" };
    case libvirtStates.suspended:
      return judgeActive("Suspended", hasProcess, observation);
    case libvirtStates.shutOff:
      if (hasMoved(reason, evidence.stops.get(uuid)) && !hasProcess) {
        return withheld("migrated-away");
      }
      return judgeStop(
        reason === shutOffCrashed ? "Crashed" : "Stopped",
        uuid,
        observation,
        evidence,
      );
    case libvirtStates.crashed:
      return judgeStop("Crashed", uuid, observation, evidence);
    default:
      return unknown;
  }
}

function judgeActive(state: VmState, hasProcess: boolean, observation: Observation): Verdict {
  if (hasProcess || !observation.processesWhole) return { state };
  return withheld("no-process");
}

function hasMoved(reason: number, stop: Stop | undefined): boolean {
  // An older stop of another cause says nothing of the move that libvirt knows of.
  return isUnnoticedMigration(stop) || (reason === shutOffMigrated && stop?.cause !== "migrated");
}

function judgeStop(
  state: VmState,
  uuid: VmUuid,
  observation: Observation,
  { doubted, started }: Evidence,
): Verdict {
  if (observation.qemus.has(uuid)) return withheld("qemu-process-alive");
  if (started.has(uuid)) return withheld("qemu-process-alive");
  const isSettled = isComplete(observation) || isSettledOneByOne(observation);
  if (!isSettled) return withheld("observation-incomplete");
  return doubted.has(uuid) ? withheld("mass-disappearance") : { state };
}
