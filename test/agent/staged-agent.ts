// An agent whose world does what the test says: its clock, its looks at the host, its store, its log.

import { Agent } from "../../src/agent/agent.ts";
import type { Look, Report } from "../../src/agent/answers.ts";
import type { AgentPorts, LibvirtStatus } from "../../src/agent/ports.ts";
import type { Past } from "../../src/agent/start.ts";
import type { StoredHistoryEntry } from "../../src/core/history.ts";
import type { Instant } from "../../src/core/instant.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { at, domain, type Sighting, sighting } from "../core/sightings.ts";
import { policy } from "../core/stage.ts";
import { claimName } from "../core/statements.ts";
import { emptyPast, MemoryStore } from "./memory-store.ts";

export interface AgentStaging {
  readonly managementNodes?: readonly string[];
  readonly policy?: Partial<Policy>;
  readonly store?: MemoryStore;
  /** What the store held; an intact one without claims by default. */
  readonly past?: Past;
  readonly bootId?: string;
  readonly nowMs?: number;
  readonly wallOffsetMs?: number;
  /** At once, by default, and before anything else goes on. */
  readonly soon?: AgentPorts["soon"];
}

/** Everything that follows from what was done, and nothing else. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class StagedAgent {
  nowMs: number;
  /** Wall clock less boot-time clock. */
  wallOffsetMs: number;
  readonly store: MemoryStore;
  /** Lines of the log, as "LEVEL MESSAGE" and their fields. */
  readonly lines: (readonly [string, object])[] = [];
  /** Those of the start. */
  startLines: readonly (readonly [string, object])[] = [];
  /** Looks that have begun. */
  looks = 0;
  libvirtStatus: LibvirtStatus = {
    up: false,
    code: "no-socket",
    detail: "made up",
    since: at(1),
    counts: { bulkCalls: 0, domainEvents: 0, abandonedCalls: 0, abandonedCallsTotal: 0 },
  };
  #agent: Agent | undefined;
  #underWay: PromiseWithResolvers<Observation> | undefined;
  #startedAt: Instant = at(0);
  #ids = 0;
  readonly #staging: AgentStaging;

  private constructor(staging: AgentStaging) {
    this.#staging = staging;
    this.nowMs = staging.nowMs ?? 100;
    this.wallOffsetMs = staging.wallOffsetMs ?? 1e9;
    this.store = staging.store ?? new MemoryStore();
  }

  static async start(staging: AgentStaging = {}): Promise<StagedAgent> {
    const { bootId = "boot-1", managementNodes = [] } = staging;
    const stage = new StagedAgent(staging);
    stage.#agent = await Agent.start(
      {
        clock: { now: () => stage.now() },
        observer: { look: () => stage.#look() },
        libvirt: { status: () => stage.libvirtStatus },
        store: stage.store,
        log: {
          info: (fields, message) => stage.lines.push([`info ${message}`, fields]),
          warn: (fields, message) => stage.lines.push([`warn ${message}`, fields]),
        },
        soon: staging.soon ?? queueMicrotask,
        newId: () => `id-${(stage.#ids += 1)} of ${stage.nowMs}`,
      },
      { host: { id: "host-1", bootId }, version: "1.2.3" },
      { ...policy, managementNodes, ...staging.policy },
      staging.past ?? emptyPast(bootId),
    );
    stage.startLines = stage.lines.splice(0);
    return stage;
  }

  get agent(): Agent {
    if (this.#agent === undefined) throw new Error("the agent has not started");
    return this.#agent;
  }

  /** The agent is killed, and another is started on what its store holds. */
  restarted(changes: AgentStaging = {}): Promise<StagedAgent> {
    const store = this.store.restarted();
    const { nowMs, wallOffsetMs } = this;
    const past = store.past;
    return StagedAgent.start({ ...this.#staging, nowMs, wallOffsetMs, store, past, ...changes });
  }

  now(): Instant {
    return { ms: this.nowMs, wallMs: this.nowMs + this.wallOffsetMs };
  }

  /** Time passes while the agent looks at its clock. */
  async listen(seconds: number, tickMs = 1000): Promise<void> {
    const endMs = this.nowMs + seconds * 1000;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + tickMs);
      this.agent.tick();
      await settle();
    }
  }

  /** The report on a look, as it is delivered now, to mn-1. */
  report(look: Look, expect: readonly VmUuid[] = []): Report {
    let delivered: Report | undefined;
    const keep = (report: Report): void => {
      delivered = report;
    };
    this.agent.deliver(look, expect, keep, "mn-1");
    if (delivered === undefined) throw new Error("cannot return the report: it was not delivered");
    return delivered;
  }

  /** Whether a report on a look that begins now, and finds a VM shut off, says that it is stopped. */
  async isReportedStopped(vmUuid: VmUuid): Promise<boolean> {
    const look = this.agent.observe();
    await this.see({ domains: [domain(vmUuid, 5)] });
    return this.report(await look).filtered.states[vmUuid] === "Stopped";
  }

  get messages(): string[] {
    return this.lines.map(([message]) => message);
  }

  /** Claims that live, in memory. */
  get live(): string[] {
    return this.agent.claims().claims.map(claimName).toSorted();
  }

  /** Claims that are on the disk. */
  get stored(): string[] {
    return (this.store.past.state?.claims ?? []).map(claimName).toSorted();
  }

  /** Kinds of entries of the history, oldest first, with their causes. */
  async history(): Promise<string[]> {
    const entries = await this.entries();
    return entries.map(({ kind, cause }) => (cause === undefined ? kind : `${kind}: ${cause}`));
  }

  /** Entries of the history, oldest first. */
  async entries(): Promise<readonly StoredHistoryEntry[]> {
    return (await this.agent.history({ limit: 1000 })).toReversed();
  }

  /** The look that is under way ends, having seen this. */
  async see(of: Omit<Sighting, "startedAt"> = {}): Promise<void> {
    await settle();
    const underWay = this.#underWay;
    if (underWay === undefined) throw new Error("cannot end a look: none is under way");
    this.#underWay = undefined;
    this.nowMs += 1;
    underWay.resolve(sighting({ ...of, startedAt: this.#startedAt }));
    await settle();
  }

  async failLook(error: Error): Promise<void> {
    await settle();
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.reject(error);
    await settle();
  }

  #look(): Promise<Observation> {
    this.looks += 1;
    this.nowMs += 1;
    this.#startedAt = this.now();
    this.#underWay = Promise.withResolvers<Observation>();
    return this.#underWay.promise;
  }
}

/** An answer that is no refusal. */
export async function accepted<T extends object>(answer: Promise<T | Refusal>): Promise<T> {
  const outcome = await answer;
  if ("code" in outcome) throw new Error(`refused: ${outcome.code}`);
  return outcome;
}

/** Whether a promise has settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await settle();
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await settle();
  return settled;
}
