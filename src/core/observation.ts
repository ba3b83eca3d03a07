// One fresh look at the host, as the observer hands it to the core. It says what was seen and how
// far it can be trusted; what follows for a VM is decided in judgement.ts.

import type { Instant } from "./instant.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Why a look at the host was not complete; a closed set. */
export const observationProblemCodes = [
  "libvirt-unreachable",
  "libvirt-slow",
  "libvirt-error",
  "libvirt-contradiction",
  "process-table-unreadable",
  "process-table-slow",
] as const;
export type ObservationProblemCode = (typeof observationProblemCodes)[number];

export interface ObservationProblem {
  readonly code: ObservationProblemCode;
  /** A sentence for the operator. */
  readonly detail: string;
}

/** What libvirt says of one domain, in libvirt's numbers (virDomainState and its reason). */
export interface DomainLook {
  readonly uuid: VmUuid;
  readonly name: string;
  readonly state: number;
  readonly reason: number;
}

export interface Observation {
  readonly startedAt: Instant;
  readonly finishedAt: Instant;
  /** libvirt named all its domains, or undefined: it gave no whole answer in time. */
  readonly domains: ReadonlyMap<VmUuid, DomainLook> | undefined;
  /**
   * Where it gave none: the domains whose state libvirt told one by one. Of any other domain
   * nothing is known, not even whether it is there.
   */
  readonly settled: ReadonlyMap<VmUuid, DomainLook>;
  /** VMs whose QEMU process was seen alive; says nothing about others unless `processesWhole`. */
  readonly qemus: ReadonlySet<VmUuid>;
  /** Every process was looked at. */
  readonly processesWhole: boolean;
  /** Everything that made the look incomplete; empty exactly when it was complete. */
  readonly problems: readonly ObservationProblem[];
}

/** What libvirt said of single domains, in one whole answer or one by one. */
export function domainLooks(observation: Observation): ReadonlyMap<VmUuid, DomainLook> {
  return observation.domains ?? observation.settled;
}

/** Whether absence from this observation is evidence (G7). */
export function isComplete(observation: Observation): boolean {
  return (
    observation.domains !== undefined &&
    observation.processesWhole &&
    observation.problems.length === 0
  );
}
