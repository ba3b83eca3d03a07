// Looks at a host, built by hand or drawn at random.

import * as fc from "fast-check";
import type { Instant } from "../../src/core/instant.ts";
import type { DomainLook, Observation, ObservationProblem } from "../../src/core/observation.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";

/** The wall clock says something unrelated, so that whoever compares it is found out. */
export function at(ms: number, wallMs = 1e6 - ms): Instant {
  return { ms, wallMs };
}

export function vm(number: number): VmUuid {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;
}

export function domain(uuid: VmUuid, state: number, reason = 1): DomainLook {
  return { uuid, name: `name of ${uuid}`, state, reason };
}

export interface Sighting {
  readonly domains?: readonly DomainLook[] | "unknown";
  /** Told one by one; then the others are unknown. */
  readonly settled?: readonly DomainLook[];
  readonly qemus?: readonly VmUuid[];
  readonly processesWhole?: boolean;
  readonly problems?: readonly ObservationProblem[];
  readonly startedAt?: Instant;
}

export const aProblem: ObservationProblem = { code: "libvirt-slow", detail: "made up" };

/** A look, complete unless it is told otherwise. */
export function sighting(of: Sighting = {}): Observation {
  const { settled = [], qemus = [], processesWhole = true, startedAt = at(1000) } = of;
  const domains = of.domains ?? (of.settled === undefined ? [] : "unknown");
  const isWhole = domains !== "unknown" && processesWhole;
  return {
    startedAt,
    finishedAt: at(startedAt.ms + 10),
    domains: domains === "unknown" ? undefined : byUuid(domains),
    settled: byUuid(settled),
    qemus: new Set(qemus),
    processesWhole,
    problems: of.problems ?? (isWhole ? [] : [aProblem]),
  };
}

function byUuid(looks: readonly DomainLook[]): Map<VmUuid, DomainLook> {
  return new Map(looks.map((look) => [look.uuid, look]));
}

/** Few VMs, so that what libvirt, the processes, claims and questions name overlaps. */
export const anyVm = fc.integer({ min: 1, max: 6 }).map(vm);

export const anyDomain = fc
  .tuple(anyVm, fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 99, -1), fc.integer({ min: 0, max: 12 }))
  .map(([uuid, state, reason]) => domain(uuid, state, reason));

/** Any look, contradictions included: problems may be there although all was seen. */
export const anySighting = fc
  .record({
    told: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.array(anyDomain, { maxLength: 6 }).map((domains) => ({ domains })),
      },
      {
        weight: 2,
        arbitrary: fc.array(anyDomain, { maxLength: 4 }).map((settled) => ({ settled })),
      },
    ),
    qemus: fc.array(anyVm, { maxLength: 4 }),
    processesWhole: fc.boolean(),
    hasProblem: fc.boolean(),
  })
  .map(({ hasProblem, told, ...rest }) => {
    const of = { ...told, ...rest };
    return sighting(hasProblem ? { ...of, problems: [aProblem] } : of);
  });
