// Makes decisions durable. One write is under way at a time; what is decided meanwhile goes into the
// next, so many statements share one flush of the disk.
//
// INVARIANTS:
// - Nothing is said to be durable before the store has acknowledged a batch that holds it.
// - A claim counts from its receipt, the end of one from its commit; where the disk refuses or does
//   not answer in time, from the moment at which that is known.
// - Decisions never wait for the disk: only their answers do.

import type { Change } from "../core/change.ts";
import { type ClaimKey, claimKey, type EndedClaim } from "../core/claim.ts";
import type { HistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import type { RunIdentity } from "../core/records.ts";
import type { SkipList } from "../core/skip-list.ts";
import { DirtyRows, type Taken } from "./dirty-rows.ts";
import { DurableHistory } from "./durable-history.ts";
import { type AgentPorts, StoreFailure } from "./ports.ts";

/** Whether what was decided is durable. */
export type Stored = { readonly durable: true } | { readonly durable: false; readonly why: string };

/** How the store is, for status. */
export type StoreStatus =
  | { readonly writable: true }
  | {
      readonly writable: false;
      /** Stable code. */
      readonly code: string;
      readonly detail: string;
      readonly since: Instant;
    };

/** Longest wait of an answer for the disk. */
export const commitLimitMs = 2_000;
/** Longest time between checkpoints; G4 names it. */
export const checkpointIntervalMs = 10_000;
/**
 * The first ones after a start come sooner, each after twice the time of the one before: so at least
 * half of what a run listened is written down, and a crash loop gets on.
 */
const firstCheckpointMs = 250;
/** A difference between wall clock and boot-time clock that is a step of the wall clock. */
const clockStepMsMin = 500;
/** Least time between a failed write and one that nobody asked for. */
const retryMs = 1_000;

/** What waits for one batch. */
class Group {
  readonly openedAtMs: number;
  readonly ends: EndedClaim[] = [];
  waiting = 0;
  readonly #settled = Promise.withResolvers<Stored>();
  isSettled = false;

  constructor(now: Instant) {
    this.openedAtMs = now.ms;
  }

  get settled(): Promise<Stored> {
    return this.#settled.promise;
  }

  settle(stored: Stored): void {
    this.isSettled = true;
    this.#settled.resolve(stored);
  }
}

type JournalPorts = Pick<AgentPorts, "clock" | "store" | "log" | "soon">;

export class Journal {
  /** What of the history is durable. */
  readonly history = new DurableHistory();
  readonly #ports: JournalPorts;
  readonly #state: SkipList;
  readonly #head: { readonly run: RunIdentity; readonly bootId: string };
  readonly #dirty = new DirtyRows();
  #collecting: Group | undefined;
  #writing: Group | undefined;
  #taken: Taken | undefined;
  #isScheduled = false;
  #lastWaiting = 0;
  #status: StoreStatus;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #checkpointDueMs: number;
  #checkpointAfterMs = firstCheckpointMs;
  #clockOffsetMs: number;

  /** @param status how the store was found, where that is known and said already */
  constructor(
    ports: JournalPorts,
    state: SkipList,
    head: { readonly run: RunIdentity; readonly bootId: string },
    status: StoreStatus = { writable: true },
  ) {
    this.#ports = ports;
    this.#status = status;
    this.#state = state;
    this.#head = head;
    const now = ports.clock.now();
    this.#checkpointDueMs = now.ms + firstCheckpointMs;
    this.#clockOffsetMs = now.wallMs - now.ms;
  }

  get run(): RunIdentity {
    return this.#head.run;
  }

  get status(): StoreStatus {
    return this.#status;
  }

  /** Whether a live claim is durable as it stands. */
  isStored(key: ClaimKey): boolean {
    const isUnderWay = this.#taken?.keys.claims.has(claimKey(key)) ?? false;
    return !isUnderWay && !this.#dirty.hasClaim(key);
  }

  /** Marks changes that were applied, and what the history is to say of them. */
  mark(changes: readonly Change[], entries: readonly HistoryEntry[]): void {
    this.#dirty.mark(changes);
    this.#dirty.note(entries, this.#ports.clock.now());
  }

  /**
   * Writes what is behind. The answer comes when it is durable, when the disk has refused it, or
   * after `commitLimitMs`; from then on the ends count.
   */
  commit(ends: readonly EndedClaim[] = []): Promise<Stored> {
    // One that was given up while the disk hung is over: nobody would settle what joined it now.
    if (this.#collecting === undefined || this.#collecting.isSettled) {
      this.#collecting = new Group(this.#ports.clock.now());
    }
    const group = this.#collecting;
    for (const end of ends) group.ends.push(end);
    group.waiting += 1;
    this.#schedule();
    return group.settled;
  }

  /** Gives up on what waits too long, tries again what failed, and keeps the checkpoint young. */
  tick(now: Instant): void {
    for (const group of [this.#writing, this.#collecting]) {
      if (group === undefined || group.isSettled) continue;
      if (now.ms - group.openedAtMs < commitLimitMs) continue;
      const why = `the disk did not answer within ${commitLimitMs} ms`;
      this.#fail("slow", why, now);
      this.#settle(group, { durable: false, why });
    }
    if (now.ms - this.#failedAtMs < retryMs) return;
    const offsetMs = now.wallMs - now.ms;
    const isStep = Math.abs(offsetMs - this.#clockOffsetMs) >= clockStepMsMin;
    const isDue = now.ms >= this.#checkpointDueMs || isStep;
    if (isDue && this.#isTimeKept()) this.#checkpoint(now);
    else if (!this.#dirty.isEmpty) this.#schedule();
  }

  /** Writes a last checkpoint; resolves when that is done or given up. */
  async close(): Promise<void> {
    this.#checkpoint(this.#ports.clock.now());
    await this.commit();
  }

  /** Whether anything depends on how much time passes. */
  #isTimeKept(): boolean {
    const { managementNodeCount, orphanCount, amnesia } = this.#state;
    return managementNodeCount > 0 || orphanCount > 0 || amnesia !== undefined;
  }

  #checkpoint(now: Instant): void {
    this.#checkpointAfterMs = Math.min(checkpointIntervalMs, 2 * this.#checkpointAfterMs);
    this.#checkpointDueMs = now.ms + this.#checkpointAfterMs;
    this.#clockOffsetMs = now.wallMs - now.ms;
    for (const node of this.#state.managementNodes()) {
      if (node.departed === undefined) this.#dirty.mark([{ kind: "node", node }]);
    }
    // As a statement does: a write that is under way took the clocks before this.
    void this.commit();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#writing !== undefined) return;
    this.#isScheduled = true;
    this.#ports.soon(() => {
      this.#isScheduled = false;
      void this.#write();
    }, this.#lastWaiting > 1);
  }

  async #write(): Promise<void> {
    const { clock, store } = this.#ports;
    const startedAt = clock.now();
    const group = this.#collecting ?? new Group(startedAt);
    this.#collecting = undefined;
    this.#writing = group;
    const { run, bootId } = this.#head;
    const checkpoint = { bootId, bootMs: startedAt.ms, wallMs: startedAt.wallMs };
    const { batch, taken } = this.#dirty.take(this.#state, { run, checkpoint }, startedAt);
    this.#taken = taken;
    let stored: Stored = { durable: true };
    try {
      const lastId = await store.write(batch);
      this.history.grew(batch.history, lastId);
      this.#succeed();
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      const now = clock.now();
      this.#dirty.giveBack(taken, now);
      this.#fail(error.code, error.message, now);
      stored = { durable: false, why: error.message };
    }
    this.#writing = undefined;
    this.#lastWaiting = group.waiting;
    this.#taken = undefined;
    if (!group.isSettled) this.#settle(group, stored);
    if (this.#collecting !== undefined) this.#schedule();
  }

  #settle(group: Group, stored: Stored): void {
    this.#state.settle(group.ends, this.#ports.clock.now());
    group.settle(stored);
  }

  #succeed(): void {
    if (this.#status.writable) return;
    this.#status = { writable: true };
    this.#ports.log.info({}, "the store can be written again");
  }

  #fail(code: string, detail: string, now: Instant): void {
    this.#failedAtMs = now.ms;
    if (!this.#status.writable && this.#status.code === code) return;
    const since = this.#status.writable ? now : this.#status.since;
    this.#status = { writable: false, code, detail, since };
    this.#ports.log.warn({ code, detail }, "the store cannot be written");
  }
}
