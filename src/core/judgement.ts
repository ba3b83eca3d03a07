// From what libvirt says and whether a QEMU lives to one verdict per VM. Pure; the skip list comes
// later (report.ts).
//
// INVARIANTS:
// - G7: nothing that an incomplete look could not settle is a stop.
// - G8: a VM whose QEMU lives is never a stop, whatever libvirt says.
// - Unknown is a verdict of its own, never a default of "stopped".

import { type DomainLook, isComplete, type Observation } from "./observation.ts";
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

/** Judges every VM that an observation named. */
export function judge(observation: Observation): Judgement {
  const verdicts = new Map<VmUuid, Verdict>();
  const complete = isComplete(observation);
  for (const domain of observation.domains?.values() ?? []) {
    verdicts.set(domain.uuid, judgeDomain(domain, observation, complete));
  }
  for (const uuid of observation.qemus) {
    if (verdicts.has(uuid)) continue;
    // A process without a domain suggests a stop only where libvirt named all its domains.
    const isNamed = observation.domains !== undefined;
    verdicts.set(uuid, isNamed ? withheld("qemu-process-alive") : unknown);
  }
  return { observation, complete, verdicts };
}

/** Judges a VM that neither libvirt nor the process table named. */
export function judgeAbsent(judgement: Judgement): Verdict {
  return judgement.complete ? { state: "Stopped" } : withheld("observation-incomplete");
}

/** Whether libvirt or the process table shows the VM running or paused. */
export function isSeenAlive(uuid: VmUuid, observation: Observation): boolean {
  if (observation.qemus.has(uuid)) return true;
  const state = observation.domains?.get(uuid)?.state;
  const { running, blocked, paused } = libvirtStates;
  return state === running || state === blocked || state === paused;
}

function judgeDomain(domain: DomainLook, observation: Observation, complete: boolean): Verdict {
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
      if (reason === shutOffMigrated && !hasProcess) return withheld("migrated-away");
      return judgeStop(reason === shutOffCrashed ? "Crashed" : "Stopped", hasProcess, complete);
    case libvirtStates.crashed:
      return judgeStop("Crashed", hasProcess, complete);
    default:
      return unknown;
  }
}

function judgeActive(state: VmState, hasProcess: boolean, observation: Observation): Verdict {
  if (hasProcess || !observation.processesWhole) return { state };
  return withheld("no-process");
}

function judgeStop(state: VmState, hasProcess: boolean, complete: boolean): Verdict {
  if (hasProcess) return withheld("qemu-process-alive");
  return complete ? { state } : withheld("observation-incomplete");
}
