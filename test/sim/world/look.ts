// How the agent looks at a simulated host: the real observer over a libvirt that hangs, restarts and
// answers late, and the real scan of the process table over files of our own.

import type { Observation } from "../../../src/core/observation.ts";
import { isComplete } from "../../../src/core/observation.ts";
import type { HostObserver } from "../../../src/agent/ports.ts";
import type { DomainStatesLook } from "../../../src/observer/domain-states.ts";
import { Observer } from "../../../src/observer/observer.ts";
import { ProcessScan } from "../../../src/observer/process-scan.ts";
import type { ProcessLook } from "../../../src/observer/process-table.ts";
import type { Random } from "../random.ts";
import type { SimulatedHost } from "./host.ts";
import { processFiles } from "./process-files.ts";
import type { Pausable, Scheduler } from "./scheduler.ts";

/** What is known of a look from outside. */
export interface TrueLook {
  readonly startedAtMs: number;
  /** As the report shows it. */
  readonly startedAtWallMs: number;
  finishedAtMs: number | undefined;
  /** Nothing stood in its way: it must be complete. */
  isHealthy: boolean;
  isComplete: boolean;
}

export interface LookPorts {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly host: SimulatedHost;
  /** The agent's process, whose events are held back while it is stopped. */
  readonly owner: Pausable;
  readonly onLook: (look: TrueLook) => void;
  /** Every look takes so long, and reads at its beginning. */
  readonly takesMs: number | undefined;
}

/** Limit on one observation: the agent's default. */
const limitMs = 1000;
/** libvirtd's answer may come in time and yet take this part of the limit. */
const slowShare = 0.8;

/** The observer of one run of an agent. */
export function simulatedObserver(ports: LookPorts): HostObserver {
  const { scheduler, host, owner } = ports;
  const scan = new ProcessScan([], () => {}, processFiles(host.processes));
  let current: TrueLook | undefined;
  let bulkBusyUntilMs = 0;

  const fail = <T>(value: T): T => {
    if (current !== undefined) current.isHealthy = false;
    return value;
  };
  const lookAtDomains = async (withinMs: number): Promise<DomainStatesLook> => {
    const askedAtMs = scheduler.nowMs;
    const random = ports.random.at(askedAtMs, 1);
    const isSlow = random.chance(0.1);
    const chanceMs = isSlow ? random.between(0, withinMs * slowShare) : random.exponential(3);
    const takesMs = ports.takesMs ?? chanceMs;
    const readMs = ports.takesMs === undefined ? takesMs * random.next() : 0;
    await scheduler.sleep(readMs, owner);
    if (host.mood === "down") {
      return fail({ problem: { code: "libvirt-unreachable", detail: "cannot reach libvirt" } });
    }
    if (host.mood === "hangs" || bulkBusyUntilMs > askedAtMs || takesMs > withinMs) {
      bulkBusyUntilMs = Math.max(bulkBusyUntilMs, askedAtMs + takesMs);
      await scheduler.sleep(withinMs - readMs, owner);
      return fail({ problem: { code: "libvirt-slow", detail: "cannot read libvirt's domains" } });
    }
    const domains = host.domains();
    await scheduler.sleep(takesMs - readMs, owner);
    return { domains };
  };
  const lookAtProcesses = async (withinMs: number): Promise<ProcessLook> => {
    const random = ports.random.at(scheduler.nowMs, 2);
    const takesMs = Math.min(random.exponential(8), withinMs);
    await scheduler.sleep(takesMs * random.next(), owner);
    const { qemus, problem } = scan.run({ procPath: "/proc", limitMs: 1e9, stuckPids: [] });
    await scheduler.sleep(takesMs / 2, owner);
    if (host.tableHiddenUntilMs > scheduler.nowMs) {
      // Cut short: some were seen.
      const seen = qemus.filter(() => random.chance(0.5));
      const detail = "cannot read the process table";
      return fail({
        qemus: new Set(seen),
        problem: { code: "process-table-slow" as const, detail },
      });
    }
    if (problem === undefined) return { qemus: new Set(qemus) };
    return fail({
      qemus: new Set(qemus),
      problem: { code: "process-table-unreadable" as const, detail: problem },
    });
  };
  const observer = new Observer(
    {
      now: () => host.clock.now(),
      domains: { look: lookAtDomains },
      processes: { look: lookAtProcesses },
    },
    limitMs,
  );
  return {
    look: async (): Promise<Observation> => {
      const look: TrueLook = {
        startedAtMs: scheduler.nowMs,
        startedAtWallMs: host.clock.now().wallMs,
        finishedAtMs: undefined,
        isHealthy: true,
        isComplete: false,
      };
      current = look;
      ports.onLook(look);
      const observation = await observer.look();
      look.finishedAtMs = scheduler.nowMs;
      look.isComplete = isComplete(observation);
      // A QEMU that libvirt speaks of and nobody sees may be hidden: not complete, and rightly so.
      const hidden = observation.problems.some(({ code }) => code === "process-table-unreadable");
      if (hidden) look.isHealthy = false;
      return observation;
    },
  };
}
