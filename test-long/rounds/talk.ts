// Statements to an agent that may be killed at any moment: each has an answer with the times between
// which it was carried out, or none, and then nobody knows.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ApiError, AgentUnreachableError } from "../../src/client/errors.ts";
import type { VmsyncdClient } from "../../src/client/client.ts";
import type { Random } from "../../test/sim/random.ts";
import type { BootTime, Span } from "../host/boot-time.ts";
import type { Ledger } from "./ledger.ts";

export interface Answered<T> {
  readonly value: T;
  /** The time at which the answer was there. */
  readonly at: Span;
}

/** What was done in all rounds. */
export class Counts {
  claims = 0;
  continues = 0;
  lists = 0;
  heartbeats = 0;
  departures = 0;
  takenBack = 0;
  newEpochs = 0;
  givenUp = 0;
  reads = 0;
  refusedLate = 0;
  unanswered = 0;
}

/** One round's talk; over when the agent is killed. */
export class Talk {
  readonly client: VmsyncdClient;
  readonly ledger: Ledger;
  readonly counts: Counts;
  readonly clock: BootTime;
  readonly random: Random;
  isOver = false;
  /** Statements on their way. */
  underway = 0;
  /** When the last statement was sent whose answer says that it is durable. */
  durableSince: Span;

  constructor(of: {
    readonly client: VmsyncdClient;
    readonly ledger: Ledger;
    readonly counts: Counts;
    readonly clock: BootTime;
    readonly random: Random;
    readonly startedAt: Span;
  }) {
    this.client = of.client;
    this.ledger = of.ledger;
    this.counts = of.counts;
    this.clock = of.clock;
    this.random = of.random;
    this.durableSince = of.startedAt;
  }

  /**
   * Sends a statement.
   *
   * @param isChange its 2xx says that a commit was made after it was sent
   * @returns undefined if no answer came
   * @throws ApiError if it was refused
   */
  async ask<T>(
    sent: Span,
    send: () => Promise<T>,
    isChange = true,
  ): Promise<Answered<T> | undefined> {
    this.underway += 1;
    try {
      const value = await send();
      const isLater = sent.earliestMs > this.durableSince.earliestMs;
      if (isChange && isLater) this.durableSince = sent;
      return { value, at: this.clock.now() };
    } catch (error) {
      if (!(error instanceof AgentUnreachableError)) throw error;
      this.counts.unanswered += 1;
      return undefined;
    } finally {
      this.underway -= 1;
    }
  }

  /** One after another until the round is over; a refusal that nobody expected is a violation. */
  async lane(meanPauseMs: number, step: () => Promise<void>): Promise<void> {
    while (!this.isOver) {
      try {
        await pause(this.random.exponential(meanPauseMs));
        if (!this.isOver) await step();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.ledger.violated(`refused without a reason: ${error.code}: ${error.message}`);
      }
    }
  }
}

export function newVm(): string {
  return randomUUID();
}
