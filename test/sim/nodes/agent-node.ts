// The real agent behind the real routes, on a simulated host: started, killed and started again.

import type { DomainNews } from "../../../src/agent/ports.ts";
import { Agent } from "../../../src/agent/agent.ts";
import type { AgentPorts, Log } from "../../../src/agent/ports.ts";
import type { Past } from "../../../src/agent/start.ts";
import { type Dispatch, dispatcher } from "../../../src/http/dispatch.ts";
import type { StoredHistoryEntry } from "../../../src/core/history.ts";
import type { Report } from "../../../src/http/schema/report.ts";
import { Random } from "../random.ts";
import type { Delivery, DeliveryAnswer } from "../reference/delivery.ts";
import type { HostReference } from "../reference/host-reference.ts";
import type { SimulatedDisk } from "../world/disk.ts";
import type { SimulatedHost } from "../world/host.ts";
import { simulatedObserver, type TrueLook } from "../world/look.ts";
import type { Call, Listener } from "../world/network.ts";
import type { Pausable } from "../world/scheduler.ts";
import type { World } from "../world/world.ts";
import { Watcher } from "./watcher.ts";

export interface AgentSettings {
  readonly leaseSeconds: number;
  readonly leaseSecondsMax: number;
  readonly orphanTtlSeconds: number;
  readonly claimAgeWarningSeconds: number;
  readonly managementNodes: readonly string[];
}

/** Worlds in which somebody waits for changes and follows the events. */
const watchedShare = 0.25;
/** Its timer, as in the daemon. */
const tickMs = 250;
/** A store that was lost, damaged or restored. */
export type StoreFate = "kept" | "lost" | "damaged" | "restored";

const silentLog: Log = { info() {}, warn() {} };

/** One process of the agent; its events are held back while it or its host stands still. */
class AgentProcess implements Pausable {
  readonly #host: SimulatedHost;
  isAlive = true;
  stalledUntilMs = 0;
  agent: Agent | undefined;
  dispatch: Dispatch | undefined;
  readonly looks: TrueLook[] = [];

  constructor(host: SimulatedHost) {
    this.#host = host;
  }

  get pausedUntilMs(): number {
    return Math.max(this.stalledUntilMs, this.#host.pausedUntilMs);
  }
}

export class AgentNode implements Listener {
  readonly host: SimulatedHost;
  readonly disk: SimulatedDisk;
  readonly #world: World;
  readonly #reference: HostReference;
  readonly #settings: AgentSettings;
  readonly #random: Random;
  readonly #isWatched: boolean;
  #process: AgentProcess | undefined;
  #killedAtMs: number | undefined;
  #bootAtKill = 0;
  #fate: StoreFate = "kept";
  /** When it went on after it had stood still last. */
  #wentOnAtMs = Number.NEGATIVE_INFINITY;
  #ids = 0;
  readonly #reportLooks = new Map<string, { startedAtMs: number; sentAtMs: number }>();
  #deliveries = new Set<Delivery>();
  /** Told of each answer before it is on its way. */
  onAnswer: ((call: Call, status: number) => void) | undefined;

  constructor(
    world: World,
    host: SimulatedHost,
    disk: SimulatedDisk,
    reference: HostReference,
    settings: AgentSettings,
  ) {
    this.#world = world;
    this.host = host;
    this.disk = disk;
    this.#reference = reference;
    this.#settings = settings;
    this.#random = new Random(world.seed, `agent ${host.name}`);
    this.#isWatched = new Random(world.seed, "watching").chance(watchedShare);
  }

  get isRunning(): boolean {
    return this.#process?.agent !== undefined;
  }

  get pausedUntilMs(): number {
    return this.#process?.pausedUntilMs ?? this.host.pausedUntilMs;
  }

  /** What libvirt tells; who stands still hears it late, and here not at all. */
  hear(news: DomainNews): void {
    const { nowMs } = this.#world.scheduler;
    const agent = this.#process?.agent;
    if (agent === undefined || this.pausedUntilMs > nowMs) return;
    agent.noteDomain(news);
    if (news.kind === "started") this.host.seenByAgent(news.vmUuid, nowMs);
  }

  /** What happened to the store while the agent was down. */
  storeMet(fate: StoreFate): void {
    this.#fate = fate;
  }

  async start(): Promise<void> {
    if (this.#process !== undefined) return;
    const { scheduler } = this.#world;
    const process = new AgentProcess(this.host);
    this.#process = process;
    const beganAtMs = scheduler.nowMs;
    const fate = this.#fate;
    this.#fate = "kept";
    if (fate !== "kept") this.host.unseenByAgent(Number.NEGATIVE_INFINITY);
    const past = this.#past(fate);
    const { name, bootId } = this.host;
    const identity = { host: { id: name, bootId }, version: "simulated" };
    const agent = await Agent.start(this.#ports(process), identity, this.#settings, past);
    if (!process.isAlive) return;
    process.agent = agent;
    process.dispatch = dispatcher(agent, (error) => {
      this.#world.fail("no crash", `${name}: ${error.stack ?? error.message}`);
    });
    this.#noteStart(beganAtMs, fate);
    this.#tick(process);
    if (this.#isWatched) this.#watch(process, agent, process.dispatch);
  }

  #watch(run: AgentProcess, agent: Agent, dispatch: Dispatch): void {
    const { name } = this.host;
    const random = new Random(this.#world.seed, `watcher ${name} ${this.#world.scheduler.nowMs}`);
    new Watcher({
      agent,
      dispatch,
      run,
      scheduler: this.#world.scheduler,
      random,
      onReport: (report, questionAtMs) => {
        this.#report(run, { expect: [], questionAtMs }, report, this.#world.scheduler.nowMs);
        this.#world.note(name, `watcher told ${answerText(report)}`);
      },
      onEvent: (entry) => this.#event(run, entry),
      onError: (error) => this.#world.fail("no crash", `${name}: ${error.stack ?? error.message}`),
    }).start();
  }

  #event(process: AgentProcess, entry: StoredHistoryEntry): void {
    const sentAtMs = this.#world.scheduler.nowMs;
    const { kind, vmUuid, id } = entry;
    this.#world.note(this.host.name, `event ${id} ${kind} ${vmUuid?.slice(0, 4) ?? ""}`);
    const look = process.looks.findLast(({ finishedAtMs }) => finishedAtMs !== undefined);
    // Without a look no stop is told, and that is all that is watched.
    const none = { startedAtMs: sentAtMs, isHealthy: false };
    const { finishedAtMs = sentAtMs, ...known } = look ?? { ...none, finishedAtMs: sentAtMs };
    const sent = { host: this.host.name, entry, sentAtMs, look: { ...known, finishedAtMs } };
    this.#reference.enter({ kind: "event", sent });
  }

  /** kill -9. */
  kill(): void {
    const process = this.#process;
    if (process === undefined) return;
    process.isAlive = false;
    this.#process = undefined;
    const { nowMs } = this.#world.scheduler;
    this.#killedAtMs = nowMs;
    const storedUntilMs = nowMs - quickMs;
    const isTroubled = this.disk.troubledUntilMs >= storedUntilMs;
    this.host.unseenByAgent(isTroubled ? Number.NEGATIVE_INFINITY : storedUntilMs);
    this.#bootAtKill = this.host.bootNumber;
    for (const delivery of this.#deliveries) delivery.isLost = true;
    this.#deliveries.clear();
    this.#reference.settle();
    this.#world.note(this.host.name, "agent killed");
  }

  /** What is known of the look that a report rests on. */
  lookOf({ reportId }: Report): { startedAtMs: number; sentAtMs: number } | undefined {
    return this.#reportLooks.get(reportId);
  }

  /** SIGSTOP, and SIGCONT after a while. */
  stall(forMs: number): void {
    const process = this.#process;
    if (process?.agent === undefined) return;
    const fromMs = this.#world.scheduler.nowMs;
    process.stalledUntilMs = fromMs + forMs;
    this.stoodStill(fromMs, forMs);
  }

  /** The agent did not listen, because it or its host stood still. */
  stoodStill(fromMs: number, forMs: number): void {
    if (this.#process?.agent === undefined) return;
    this.#wentOnAtMs = fromMs + forMs;
    const isCounted = forMs >= gapMsLeast;
    this.#reference.enter({ kind: "gap", fromMs, toMs: fromMs + forMs, isCounted });
  }

  receive(call: Call, answer: (answer: { status: number; value: unknown } | false) => void): void {
    const process = this.#process;
    if (process?.dispatch === undefined) {
      answer(false);
      return;
    }
    this.#world.scheduler.after(0, () => this.#take(process, call, answer), process);
  }

  #take(
    process: AgentProcess,
    call: Call,
    answer: (answer: { status: number; value: unknown }) => void,
  ): void {
    const { dispatch } = process;
    if (!process.isAlive || dispatch === undefined) return;
    const delivery: Delivery = {
      id: call.id,
      from: call.from,
      statement: call.statement,
      receivedAtMs: this.#world.scheduler.nowMs,
      isLost: false,
    };
    this.#deliveries.add(delivery);
    this.#world.note(this.host.name, `#${call.id} received`);
    this.#reference.enter({ kind: "delivery", delivery });
    const send = (status: number, body: unknown): void => {
      if (!process.isAlive) return;
      this.#sent(process, delivery, status, body);
      answer({ status, value: body });
      this.onAnswer?.(call, status);
    };
    dispatch(call.method, call.path, call.body, send).catch((error: unknown) => {
      this.#world.fail("no crash", `${this.host.name}: ${(error as Error).stack ?? String(error)}`);
    });
  }

  #sent(process: AgentProcess, delivery: Delivery, status: number, body: unknown): void {
    const { nowMs } = this.#world.scheduler;
    this.#deliveries.delete(delivery);
    delivery.answer = {
      atMs: nowMs,
      status,
      body,
      isDurable: this.#isDurable(delivery, body),
    } satisfies DeliveryAnswer;
    this.#world.note(this.host.name, `#${delivery.id} ${status} ${answerText(body)}`);
    if (status === 500) this.#world.fail("no crash", `${this.host.name}: ${JSON.stringify(body)}`);
    if (isReport(body)) {
      const { statement, receivedAtMs: questionAtMs } = delivery;
      const expect = statement.kind === "sync" ? statement.expect : [];
      this.#report(process, { expect, questionAtMs }, body, nowMs);
    }
    this.#reference.settle();
  }

  #report(
    process: AgentProcess,
    { expect, questionAtMs }: { readonly expect: readonly string[]; readonly questionAtMs: number },
    report: Report,
    sentAtMs: number,
  ): void {
    const startedAtWallMs = Date.parse(report.observation.startedAt);
    const look = process.looks.findLast((one) => {
      return one.startedAtWallMs === startedAtWallMs && one.finishedAtMs !== undefined;
    });
    if (look?.finishedAtMs === undefined) {
      this.#world.fail("no crash", `${this.host.name} reports a look that was never made`);
      return;
    }
    this.#reportLooks.set(report.reportId, { startedAtMs: look.startedAtMs, sentAtMs });
    for (const [vm, state] of Object.entries(report.states)) {
      // Paused it may wait for its memory, in vain.
      if (state === "Running") this.host.seenByAgent(vm, look.startedAtMs);
    }
    this.#reference.enter({
      kind: "report",
      sent: {
        host: this.host.name,
        report,
        expect,
        questionAtMs,
        sentAtMs,
        stoodStillUntilMs: process.pausedUntilMs,
        look: { ...look, finishedAtMs: look.finishedAtMs },
      },
    });
  }

  #isDurable({ receivedAtMs }: Delivery, body: unknown): boolean {
    const { durable, claimsStored } = (body ?? {}) as { durable?: boolean; claimsStored?: boolean };
    // Where the answer does not say it: it is, if the disk was quick enough for the agent to wait.
    const waitedMs = this.#world.scheduler.nowMs - receivedAtMs;
    const isQuick = this.disk.troubledUntilMs < receivedAtMs && waitedMs < quickMs;
    return durable ?? claimsStored ?? isQuick;
  }

  #tick(process: AgentProcess): void {
    if (!process.isAlive) return;
    process.agent?.tick();
    const { scheduler } = this.#world;
    scheduler.at(scheduler.nowMs + tickMs, () => this.#tick(process), process, true);
  }

  #past(fate: StoreFate): Past {
    const state = this.disk.load();
    if (state === undefined) {
      return { amnesiaReason: fate === "damaged" ? "damaged-store" : "new-store" };
    }
    return fate === "restored" ? { state, amnesiaReason: "restored-store" } : { state };
  }

  #ports(process: AgentProcess): AgentPorts {
    const { scheduler } = this.#world;
    const { host, disk } = this;
    const random = this.#random;
    return {
      clock: { now: () => host.clock.now() },
      observer: simulatedObserver({
        scheduler,
        random,
        host,
        owner: process,
        onLook: (look) => process.looks.push(look),
        takesMs: this.#world.plan.settings.lookMs,
      }),
      libvirt: {
        status: () => ({
          up: true,
          socket: "simulated",
          since: host.clock.now(),
          counts: { bulkCalls: 0, domainEvents: 0, abandonedCalls: 0, abandonedCallsTotal: 0 },
        }),
      },
      store: disk.openFor(process, () => process.isAlive),
      log: silentLog,
      soon: (run) => {
        scheduler.after(0, () => process.isAlive && run(), process);
      },
      newId: () => {
        this.#ids += 1;
        return `${host.name}-${this.#ids}`;
      },
    };
  }

  #noteStart(beganAtMs: number, fate: StoreFate): void {
    const { scheduler } = this.#world;
    const listeningAtMs = scheduler.nowMs;
    const killedAtMs = this.#killedAtMs;
    const { clock, bootNumber } = this.host;
    const checkpointFromMs = (killedAtMs ?? 0) - checkpointMsMost;
    // Who stood still, or waited for the disk, may have written its last checkpoint long before.
    const lastTroubleMs = Math.max(this.disk.troubledUntilMs, this.#wentOnAtMs);
    const isTroubled = lastTroubleMs > checkpointFromMs;
    let elapsed: { least: number; most: number } | undefined;
    if (killedAtMs !== undefined && this.#bootAtKill !== bootNumber) {
      const before = clock.wallRange(checkpointFromMs, killedAtMs);
      const after = clock.wallRange(beganAtMs, listeningAtMs);
      elapsed = {
        least: isTroubled ? 0 : Math.max(0, after.least - before.most),
        most: Math.max(0, after.most - (isTroubled ? Number.NEGATIVE_INFINITY : before.least)),
      };
    }
    this.#world.note(this.host.name, `agent listens, store ${fate}, boot ${bootNumber}`);
    this.#reference.enter({
      kind: "started",
      killedAtMs,
      beganAtMs,
      listeningAtMs,
      store: fate === "damaged" ? "lost" : fate,
      elapsed,
      isTroubled,
    });
  }
}

/** The agent waits for the disk for 2 s. */
const quickMs = 1_500;
/** Shorter pauses are none to the agent, longer ones are; what lies between is not simulated. */
const gapMsLeast = 5500;
/** A checkpoint is at most so old. */
const checkpointMsMost = 11_500;

function isReport(body: unknown): body is Report {
  return typeof body === "object" && body !== null && "reportId" in body;
}

/** The part of an answer that tells one from another. */
function answerText(body: unknown): string {
  if (isReport(body)) {
    const { states, skipped, withheld, absentMeans, amnesia, skipRevision, observation } = body;
    const stated = Object.entries(states).map(([vm, state]) => `${vm.slice(0, 4)}=${state}`);
    const held = withheld.map(
      ({ vmUuid, reasons }) => `${vmUuid.slice(0, 4)}:${reasons.join("+")}`,
    );
    const claimed = skipped.map(({ vmUuid, claims }) => {
      const named = claims.map((one) => `${one.managementNode}/${one.operationId}:${one.state}`);
      return `${vmUuid.slice(0, 4)}(${named.join(" ")})`;
    });
    const words = [
      `r${skipRevision}`,
      observation.complete ? "complete" : "incomplete",
      `absent ${absentMeans}`,
      ...(amnesia === undefined ? [] : ["amnesia"]),
      ...stated,
      ...held.map((text) => `withheld ${text}`),
      ...claimed.map((text) => `skipped ${text}`),
    ];
    return words.join(" ");
  }
  const text = JSON.stringify(body);
  return text.length > answerCharactersMax ? `${text.slice(0, answerCharactersMax)}…` : text;
}

const answerCharactersMax = 160;
