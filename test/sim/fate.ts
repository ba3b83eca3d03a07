// Carries out a plan's actions on a world.

import type { Action, StoreEvent } from "./plan.ts";
import { Random } from "./random.ts";
import type { World } from "./world/world.ts";

type ActionOf<Kind extends Action["kind"]> = Extract<Action, { kind: Kind }>;

export class Fate {
  readonly #world: World;
  readonly #backups = new Map<number, () => void>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Sets everything up for its moment. */
  schedule(): void {
    const { scheduler, plan } = this.#world;
    for (const action of plan.actions) scheduler.at(action.atMs, () => this.act(action));
  }

  act(action: Action): void {
    const world = this.#world;
    const { atMs: _, salt, kind, ...rest } = action;
    if (kind !== "speak") world.note("FATE", `${kind} ${JSON.stringify(rest)}`);
    switch (action.kind) {
      case "speak":
        world.speakers[action.speaker]?.speak(this.#host(action.host).name, salt);
        return;
      case "operate":
        world.managers[action.node]?.operate(this.#vm(action.vm), action.what, salt);
        return;
      case "node-crash":
        world.managers[action.node]?.crash(action.forMs);
        return;
      case "node-stall":
        world.managers[action.node]?.stall(action.forMs);
        return;
      case "node-twin":
        world.managers[action.node]?.twin(action.forMs);
        return;
      case "node-departed":
        world.managers[action.by]?.declareDeparted(action.node);
        return;
      case "vm-run":
        // In a world with management nodes only these start VMs.
        if (world.managers.length > 0) return;
        if (world.hosts.some((host) => host.runOf(this.#vm(action.vm)) !== undefined)) return;
        this.#host(action.host).start(this.#vm(action.vm), "by hand");
        return;
      case "vm-end":
        for (const host of world.hosts) {
          const run = host.runOf(this.#vm(action.vm));
          if (run !== undefined && run.phase !== "child") host.end(run, action.how);
        }
        return;
      case "answer-late":
        this.#answerLate(action);
        return;
      case "vm-forgotten":
        this.#host(action.host).forget(this.#vm(action.vm));
        return;
      case "agent-kill":
        this.#killAgent(action.host, action.forMs, action.store);
        return;
      case "agent-kill-at-answer":
        this.#killAtAnswer(action);
        return;
      case "agent-stall":
        this.#whenGoing(action.host, () => world.agents[action.host]?.stall(action.forMs));
        return;
      case "host-reboot":
        this.#reboot(action);
        return;
      case "host-suspend":
        this.#suspend(action);
        return;
      case "wall-step":
        this.#host(action.host).clock.step(action.byMs);
        return;
      case "libvirt":
        this.#host(action.host).upset(action.mood, action.forMs);
        return;
      case "table-hidden":
        this.#host(action.host).tableHiddenUntilMs = world.scheduler.nowMs + action.forMs;
        return;
      case "disk-fails":
        world.disks[action.host]?.fail(action.code, action.forMs);
        return;
      case "disk-slow":
        world.disks[action.host]?.slowDown(action.eachMs, action.forMs);
        return;
      case "backup": {
        const restore = world.disks[action.host]?.backup();
        if (restore !== undefined) this.#backups.set(action.host, restore);
        return;
      }
      case "cut":
        world.network.cut(this.#nodeName(action.node), this.#host(action.host).name, action.forMs);
        return;
      case "storm":
        world.network.storm(world.plan.settings.storm, action.forMs);
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(action satisfies never)}`);
    }
  }

  #host(place: number): World["hosts"][number] {
    const host = this.#world.hosts[place];
    if (host === undefined) throw new Error(`cannot find host ${place}`);
    return host;
  }

  #vm(place: number): string {
    return this.#world.vms[place % this.#world.vms.length] ?? "";
  }

  #nodeName(place: number): string {
    return this.#world.managers[place]?.id ?? this.#world.speakers[place]?.id ?? "nobody";
  }

  /** Waits until a process that stands still goes on: it is killed then. */
  #whenGoing(place: number, run: () => void): void {
    const { scheduler, agents } = this.#world;
    const untilMs = agents[place]?.pausedUntilMs ?? 0;
    if (untilMs <= scheduler.nowMs) run();
    else scheduler.at(untilMs, () => this.#whenGoing(place, run));
  }

  #killAgent(place: number, forMs: number, store: StoreEvent): void {
    const { scheduler, agents } = this.#world;
    this.#whenGoing(place, () => {
      const agent = agents[place];
      if (agent?.isRunning !== true) return;
      agent.kill();
      this.#meetStore(place, store);
      scheduler.after(forMs, () => void agent.start(), this.#host(place));
    });
  }

  #meetStore(place: number, store: StoreEvent): void {
    const { agents, disks } = this.#world;
    const [agent, disk] = [agents[place], disks[place]];
    if (agent === undefined || disk === undefined || store === "kept") return;
    const restore = this.#backups.get(place);
    if (store === "restored" && restore === undefined) return;
    if (store === "restored") restore?.();
    else disk.lose();
    // What was saved of the lost store is lost with it.
    if (store !== "restored") this.#backups.delete(place);
    agent.storeMet(store);
  }

  #answerLate({ vm: place, node, forMs }: ActionOf<"answer-late">): void {
    const { hosts, managers, network } = this.#world;
    const vm = this.#vm(place);
    const host = hosts.find((one) => one.runOf(vm)?.phase === "running");
    const run = host?.runOf(vm);
    if (host === undefined || run === undefined) return;
    host.end(run, "crashed");
    for (const [other, { process }] of managers.entries()) {
      if (process?.isAlive !== true) continue;
      if (other === node) network.delayAnswer(host.name, process.id, forMs);
      process.syncAll();
    }
  }

  #killAtAnswer({ host: place, forMs, salt }: ActionOf<"agent-kill-at-answer">): void {
    const agent = this.#world.agents[place];
    if (agent === undefined) return;
    const random = new Random(salt);
    agent.onAnswer = ({ method }, status) => {
      if (method !== "PUT" || status !== 200) return;
      agent.onAnswer = undefined;
      const kill = (): void => this.#killAgent(place, forMs, "kept");
      this.#world.scheduler.after(random.next() < 0.7 ? 0 : random.between(0, 20), kill);
    };
  }

  #reboot({ host: place, forMs, store }: ActionOf<"host-reboot">): void {
    const { scheduler, agents } = this.#world;
    this.#whenGoing(place, () => {
      const agent = agents[place];
      if (agent?.isRunning !== true) return;
      agent.kill();
      this.#meetStore(place, store);
      const host = this.#host(place);
      host.reboot();
      host.clock.reboot();
      // What the host took for its boot, its clock counts as well.
      scheduler.after(forMs, () => void agent.start(), host);
    });
  }

  #suspend({ host: place, forMs }: ActionOf<"host-suspend">): void {
    const { scheduler, agents } = this.#world;
    this.#whenGoing(place, () => {
      const host = this.#host(place);
      host.pausedUntilMs = scheduler.nowMs + forMs;
      agents[place]?.stoodStill(scheduler.nowMs, forMs);
    });
  }
}
