// A management node that keeps the rules: a session per process, the shared database, an HA module
// that starts what is found stopped, and an eye on the other management nodes.

import { VmsyncdClient } from "../../../src/client/client.ts";
import { ManagementNodeSession } from "../../../src/client/session/management-node-session.ts";
import type { OperationKind } from "../plan.ts";
import { Random } from "../random.ts";
import type { SimulatedHost } from "../world/host.ts";
import type { Pausable } from "../world/scheduler.ts";
import type { World } from "../world/world.ts";
import { syncAndJudge } from "./judging.ts";
import { operate } from "./operating.ts";

/** Times between looks at the other members, and after which one is declared dead. */
const memberMs = 5_000;
const memberSilenceMs = 15_000;
const haMs = 7_000;

/** One process of a management node. */
export class ManagerProcess implements Pausable {
  readonly world: World;
  readonly id: string;
  readonly epoch: number;
  readonly session: ManagementNodeSession;
  readonly random: Random;
  pausedUntilMs = 0;
  /** VMs with an operation of this process in flight: its own skip set. */
  readonly inFlight = new Set<string>();
  readonly #instance: string;
  #operations = 0;

  constructor(world: World, id: string, epoch: number, instance: string) {
    this.world = world;
    this.id = id;
    this.epoch = epoch;
    this.#instance = instance;
    this.random = new Random(world.seed, `${id} ${epoch} ${instance}`);
    const { scheduler, network, database } = world;
    this.session = new ManagementNodeSession({
      id,
      epoch,
      instance,
      leaseSeconds: world.plan.settings.leaseSeconds,
      hosts: (host) =>
        new VmsyncdClient({ exchange: network.exchange(id, this, host), name: host }),
      stores: database,
      clock: { nowMs: () => scheduler.nowMs, sleep: (ms) => scheduler.sleep(ms, this) },
      random: () => this.random.next(),
      limits: {
        repeatForMs: 8_000,
        backOff: { firstMs: 200, maxMs: 5_000 },
      },
      onSuperseded: () => this.die(),
    });
  }

  get isAlive(): boolean {
    return this.pausedUntilMs !== Number.POSITIVE_INFINITY;
  }

  /** Nothing that it waits for comes any more. */
  die(): void {
    this.pausedUntilMs = Number.POSITIVE_INFINITY;
  }

  nextOperation(): string {
    this.#operations += 1;
    return `${this.id}-${this.epoch}-${this.#instance}-${this.#operations}`;
  }

  start(): void {
    for (const host of this.world.hosts) this.#syncAgain(host);
    this.#watchMembers();
    this.#ha();
  }

  syncAll(): void {
    for (const { name } of this.world.hosts) syncAndJudge(this, name).catch(() => {});
  }

  #every(ms: number, run: () => void): void {
    const { scheduler } = this.world;
    scheduler.after(ms * this.random.between(0.8, 1.2), run, this);
  }

  #syncAgain({ name }: SimulatedHost): void {
    const again = (): void => {
      if (!this.isAlive) return;
      syncAndJudge(this, name).catch(() => {});
      this.#every(this.world.plan.settings.syncIntervalMs, again);
    };
    this.#every(500, again);
  }

  /** Says that it lives, and declares dead who has been silent for too long. */
  #watchMembers(): void {
    if (!this.isAlive) return;
    const { database, scheduler, hosts } = this.world;
    const { nowMs } = scheduler;
    const { id, epoch } = this;
    database.members.set(id, { id, epoch, seenAtMs: nowMs, isGone: false });
    for (const member of database.members.values()) {
      if (member.isGone || nowMs - member.seenAtMs < memberSilenceMs) continue;
      database.members.set(member.id, { ...member, isGone: true });
      this.world.note(id, `declares ${member.id}:${member.epoch} dead`);
      const names = hosts.map(({ name }) => name);
      this.session.departed(names, member.id, member.epoch).catch(() => {});
      // As it is done where it was seen: at once, and before everybody has heard.
      this.syncAll();
    }
    this.#every(memberMs, () => this.#watchMembers());
  }

  #ha(): void {
    if (!this.isAlive) return;
    for (const row of this.world.database.rows()) {
      const isIdle = row.state === "Stopped" && row.isWanted && !this.inFlight.has(row.vm);
      if (isIdle) operate(this, row.vm, "start", this.random.pick(this.world.hosts).name);
    }
    this.#every(haMs, () => this.#ha());
  }
}

export class Manager {
  readonly id: string;
  readonly #world: World;
  #process: ManagerProcess | undefined;

  constructor(world: World, id: string) {
    this.#world = world;
    this.id = id;
  }

  /** The process that bears its id now. */
  get process(): ManagerProcess | undefined {
    return this.#process;
  }

  start(): void {
    if (this.#process?.isAlive === true) return;
    const { database, scheduler } = this.#world;
    const epoch = (database.members.get(this.id)?.epoch ?? 0) + 1;
    const member = { id: this.id, epoch, seenAtMs: scheduler.nowMs, isGone: false };
    database.members.set(this.id, member);
    this.#world.note(this.id, `begins epoch ${epoch}`);
    this.#process = new ManagerProcess(this.#world, this.id, epoch, "one");
    this.#process.start();
  }

  crash(forMs: number): void {
    this.#process?.die();
    this.#world.scheduler.after(forMs, () => this.start());
  }

  stall(forMs: number): void {
    const process = this.#process;
    if (process?.isAlive === true) process.pausedUntilMs = this.#world.scheduler.nowMs + forMs;
  }

  /** By mistake a second process runs under this id and epoch. */
  twin(forMs: number): void {
    const process = this.#process;
    if (process?.isAlive !== true) return;
    const twin = new ManagerProcess(this.#world, this.id, process.epoch, "twin");
    twin.start();
    const { scheduler } = this.#world;
    scheduler.after(forMs, () => twin.die());
    // Whichever of the two was refused has stopped; somebody starts the node anew.
    scheduler.after(forMs + 1_000, () => this.start());
  }

  /** Declares another one dead, rightly or wrongly. */
  declareDeparted(place: number): void {
    const other = this.#world.managers[place];
    const process = this.#process;
    if (other === undefined || other === this || process?.isAlive !== true) return;
    const member = this.#world.database.members.get(other.id);
    if (member === undefined) return;
    const hosts = this.#world.hosts.map(({ name }) => name);
    process.session.departed(hosts, member.id, member.epoch).catch(() => {});
    process.syncAll();
  }

  /** A host is chosen by chance. */
  operate(vm: string, what: OperationKind, salt: number): void {
    this.operateOn(vm, what, new Random(salt).pick(this.#world.hosts).name);
  }

  operateOn(vm: string, what: OperationKind, host: string): void {
    const process = this.#process;
    if (process?.isAlive === true) operate(process, vm, what, host);
  }
}
