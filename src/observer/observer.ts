// One fresh look at the host: what libvirt says of its domains and the QEMU processes, taken side by
// side within one limit, and stamped with the moment at which it began.

import type { Instant } from "../core/instant.ts";
import type { DomainLook, Observation, ObservationProblem } from "../core/observation.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { DomainStatesLook } from "./domain-states.ts";
import type { ProcessLook } from "./process-table.ts";

export interface ObserverPorts {
  readonly now: () => Instant;
  readonly domains: {
    look(limitMs: number, unresponsive: Promise<ReadonlySet<VmUuid>>): Promise<DomainStatesLook>;
  };
  readonly processes: { look(limitMs: number): Promise<ProcessLook> };
}

/** A second look at the processes is not begun with less time than this. */
const secondLookMsMin = 50;

export class Observer {
  readonly #ports: ObserverPorts;
  readonly #limitMs: number;

  /** @param limitMs limit on one observation */
  constructor(ports: ObserverPorts, limitMs: number) {
    this.#ports = ports;
    this.#limitMs = limitMs;
  }

  /** Looks at the host now; never rejects, and ends within the limit, complete or not. */
  async look(): Promise<Observation> {
    const startedAt = this.#ports.now();
    const processLook = this.#ports.processes.look(this.#limitMs);
    const unresponsive = processLook.then((look) => look.unresponsive ?? new Set<VmUuid>());
    const [libvirt, first] = await Promise.all([
      this.#ports.domains.look(this.#limitMs, unresponsive),
      processLook,
    ]);
    const problems: ObservationProblem[] = [];
    const domains = "domains" in libvirt ? libvirt.domains : undefined;
    const settled = ("problem" in libvirt ? libvirt.settled : undefined) ?? noDomains;
    if ("problem" in libvirt) problems.push(libvirt.problem);

    const told = domains ?? settled;
    let processes = first;
    const leftMs = this.#limitMs - (this.#ports.now().ms - startedAt.ms);
    const isWorthIt = leftMs >= secondLookMsMin && first.problem === undefined;
    if (isWorthIt && lacksProcess(told, first)) {
      // The processes may have been read just before the domain started: look once more.
      processes = joined(first, await this.#ports.processes.look(leftMs));
    }
    const processProblem = processes.problem ?? hiddenProcesses(told, processes);
    if (processProblem !== undefined) problems.push(processProblem);
    return {
      startedAt,
      finishedAt: this.#ports.now(),
      domains,
      settled,
      qemus: processes.qemus,
      processesWhole: processProblem === undefined,
      problems,
    };
  }
}

const noDomains: ReadonlyMap<VmUuid, DomainLook> = new Map();

/** virDomainState of domains that have a QEMU: running, blocked, paused, suspended. */
const activeStates: readonly number[] = [1, 2, 3, 7];

/** Active, and past the start (3/11), in which the process is not QEMU yet. */
function hasQemu({ state, reason }: DomainLook): boolean {
  return activeStates.includes(state) && !(state === 3 && reason === 11);
}

function lacksProcess(domains: ReadonlyMap<VmUuid, DomainLook>, look: ProcessLook): boolean {
  for (const domain of domains.values()) {
    if (hasQemu(domain) && !look.qemus.has(domain.uuid)) return true;
  }
  return false;
}

/** A QEMU seen by either look was alive within the observation. */
function joined(first: ProcessLook, second: ProcessLook): ProcessLook {
  return { ...second, qemus: new Set([...first.qemus, ...second.qemus]) };
}

/** libvirt has active domains and no QEMU at all is visible: they are hidden from this user. */
function hiddenProcesses(
  domains: ReadonlyMap<VmUuid, DomainLook>,
  look: ProcessLook,
): ObservationProblem | undefined {
  if (look.qemus.size > 0) return undefined;
  const active = [...domains.values()].filter(hasQemu).length;
  if (active === 0) return undefined;
  const domainsText = `${active} active domain${active === 1 ? "" : "s"}`;
  const detail = `cannot see any QEMU process although libvirt has ${domainsText}; is /proc mounted with hidepid?`;
  return { code: "process-table-unreadable", detail };
}
