// A whole world, made from a plan: two hosts with their agents, a network, those who speak to the
// agents, and whatever befalls them all.

import { AgentNode } from "../nodes/agent-node.ts";
import { Manager } from "../nodes/manager.ts";
import { Speaker } from "../nodes/speaker.ts";
import type { DoubleRun, StopJudgement } from "../checkers/nothing-runs-twice.ts";
import type { Report } from "../../../src/http/schema/report.ts";
import { Database } from "./database.ts";
import type { OrderPorts } from "./orders.ts";
import type { Checker } from "../checkers/checker.ts";
import { checkers } from "../checkers/all.ts";
import type { Plan } from "../plan.ts";
import { Random } from "../random.ts";
import { HostReference } from "../reference/host-reference.ts";
import type { StoredHistoryEntry } from "../../../src/core/history.ts";
import { Timeline } from "../timeline.ts";
import { SimulatedDisk } from "./disk.ts";
import { SimulatedHost, type VmRun } from "./host.ts";
import { Network } from "./network.ts";
import { Scheduler } from "./scheduler.ts";

export interface Violation {
  readonly guarantee: string;
  readonly detail: string;
  readonly atMs: number;
}

export const hostNames = ["hostA", "hostB"] as const;

export class World {
  readonly seed: number;
  readonly plan: Plan;
  readonly scheduler = new Scheduler();
  readonly timeline = new Timeline();
  readonly violations: Violation[] = [];
  readonly vms: readonly string[];
  readonly network: Network;
  readonly hosts: readonly SimulatedHost[];
  readonly disks: readonly SimulatedDisk[];
  readonly agents: readonly AgentNode[];
  readonly speakers: readonly Speaker[];
  readonly managers: readonly Manager[];
  readonly database: Database;
  readonly orderPorts: OrderPorts;
  readonly doubleRuns: DoubleRun[] = [];
  readonly #judgements = new Map<string, StopJudgement>();
  /** Orders that go back to a judgement. */
  readonly #orders = new Map<string, string | undefined>();
  readonly #markedAtMs = new Map<string, number>();
  readonly #references: readonly HostReference[];

  constructor(plan: Plan) {
    const { seed, settings } = plan;
    this.seed = seed;
    this.plan = plan;
    const { scheduler, timeline } = this;
    this.vms = Array.from({ length: settings.vms }, (_, place) => vmUuid(place));
    const random = new Random(seed, "network");
    this.network = new Network({ scheduler, timeline, random }, settings.weather);
    const chance = new Random(seed, "domains");
    const persistent = new Set(this.vms.filter(() => chance.chance(0.5)));
    this.hosts = hostNames.map((name) => {
      const onRun = (run: VmRun): void => this.#onRun(run);
      return new SimulatedHost(name, persistent, {
        scheduler,
        random: new Random(seed, name),
        onRun,
        onNews: (host, news) => this.agents.find((agent) => agent.host === host)?.hear(news),
      });
    });
    this.disks = hostNames.map((name) => {
      return new SimulatedDisk({ scheduler, random: new Random(seed, `disk ${name}`) });
    });
    const watching: readonly Checker[] = checkers();
    this.#references = this.hosts.map(({ name, clock }) => {
      const policy = { ...settings.agent, secondMs: 1000 / clock.rate };
      const fail = (guarantee: string, detail: string): void => this.fail(guarantee, detail);
      return new HostReference(name, policy, this, watching, fail);
    });
    this.agents = this.hosts.map((host, place) => {
      const [disk, reference] = [this.disks[place], this.#references[place]];
      if (disk === undefined || reference === undefined) throw new Error("a host lacks its disk");
      const agent = new AgentNode(this, host, disk, reference, settings.agent);
      this.network.listen(host.name, agent);
      return agent;
    });
    this.database = new Database(this.vms);
    this.orderPorts = {
      scheduler,
      random: new Random(seed, "orders"),
      startDelayMs: settings.startDelayMs,
    };
    this.managers = Array.from({ length: settings.managementNodes }, (_, place) => {
      return new Manager(this, `mn${place + 1}`);
    });
    const nodeIds = [
      ...Array.from({ length: settings.managementNodes }, (_, place) => `mn${place + 1}`),
      ...Array.from({ length: settings.speakers }, (_, place) => `sp${place + 1}`),
    ];
    this.speakers = Array.from({ length: settings.speakers }, (_, place) => {
      const id = `sp${place + 1}`;
      const { leaseSecondsMax } = settings.agent;
      const speaker: Speaker = new Speaker(id, {
        vms: this.vms,
        nodeIds: nodeIds.length === 0 ? [id] : nodeIds,
        leaseSecondsMax,
        exchange: (host) => this.network.exchange(id, speaker, host),
      });
      return speaker;
    });
  }

  host(name: string): SimulatedHost {
    return this.#named(this.hosts, name);
  }

  note(who: string, text: string): void {
    this.timeline.note(this.scheduler.nowMs, who, text);
  }

  fail(guarantee: string, detail: string): void {
    this.violations.push({ guarantee, detail, atMs: this.scheduler.nowMs });
    this.note("CHECK", `${guarantee} is broken: ${detail}`);
  }

  /** A management node reads a stop in a report; gives the judgement a name. */
  judged(vm: string, host: string, report: Report): string {
    const id = `judgement ${this.#judgements.size + 1}`;
    const look = this.agents.find((agent) => agent.host.name === host)?.lookOf(report);
    if (look === undefined) throw new Error(`cannot find the look of ${report.reportId}`);
    const judgedAtMs = this.scheduler.nowMs;
    this.#judgements.set(id, { id, vm, host, judgedAtMs, look });
    return id;
  }

  /** Stops that management nodes have read in reports. */
  get judgements(): readonly StopJudgement[] {
    return [...this.#judgements.values()];
  }

  orderGiven(id: string, judgement: string | undefined): void {
    this.#orders.set(id, judgement);
  }

  /** The VM's row names the operation's marks from now on. */
  noteMarked(operationId: string): void {
    this.#markedAtMs.set(operationId, this.scheduler.nowMs);
  }

  isMarkedBefore(operationId: string, atMs: number): boolean {
    return (this.#markedAtMs.get(operationId) ?? Number.POSITIVE_INFINITY) < atMs;
  }

  /** Somebody reads reports of every host all the time. */
  beginReading(): void {
    const random = new Random(this.seed, "reader");
    const owner = { pausedUntilMs: 0 };
    const { endMs, syncIntervalMs } = this.plan.settings;
    for (const { name } of this.hosts) {
      const read = (): void => {
        this.network
          .exchange(
            "reader",
            owner,
            name,
          )("GET", "/v1/report")
          .catch(() => {});
        const nextMs = this.scheduler.nowMs + syncIntervalMs * random.between(0.5, 1);
        if (nextMs < endMs) this.scheduler.at(nextMs, read);
      };
      this.scheduler.after(random.between(0, syncIntervalMs), read);
    }
  }

  /** Nothing more befalls the world; every agent comes back and is asked once more. */
  calm(): void {
    const { scheduler } = this;
    for (const manager of this.managers) manager.process?.die();
    for (const disk of this.disks) disk.heal();
    for (const [place, agent] of this.agents.entries()) {
      scheduler.after(1, () => void agent.start());
      const name = hostNames[place] ?? "";
      const read = (): void => {
        const owner = { pausedUntilMs: 0 };
        this.network
          .exchange(
            "reader",
            owner,
            name,
          )("GET", "/v1/report")
          .catch(() => {});
      };
      for (const waitMs of [3_000, 6_000]) scheduler.after(waitMs, read);
    }
  }

  historyOf(host: string): readonly StoredHistoryEntry[] {
    const place = this.hosts.findIndex(({ name }) => name === host);
    return this.disks[place]?.wholeHistory() ?? [];
  }

  endChecks(): void {
    for (const reference of this.#references) reference.end();
  }

  #named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw new Error(`cannot find ${name} in this world`);
    return found;
  }

  #onRun(run: VmRun): void {
    this.note(run.host, `VM ${run.vm.slice(0, 4)} ${run.phase} (${run.cause})`);
    if (run.phase !== "running") return;
    const isTwice = this.hosts.some((host) => {
      return (
        host.name !== run.host &&
        host.runs.some(({ vm, phase }) => {
          return vm === run.vm && phase === "running";
        })
      );
    });
    if (!isTwice) return;
    const judgement = this.#judgements.get(this.#orders.get(run.cause) ?? "");
    this.note("WORLD", `VM ${run.vm.slice(0, 4)} runs twice`);
    this.doubleRuns.push({ vm: run.vm, atMs: this.scheduler.nowMs, judgement });
  }
}

/** VMs are told apart by their first digits. */
export function vmUuid(place: number): string {
  const digit = String(place + 1);
  return `${digit.repeat(8)}-0000-4000-8000-000000000000`;
}
