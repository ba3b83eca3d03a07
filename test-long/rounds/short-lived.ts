// Claims with TTLs of seconds, whose ends are followed to the millisecond: those of the operator, those
// that were given up with an unknown outcome, and those of visitors, management nodes that come, claim,
// are declared departed or are started anew, and sometimes come back.

import { randomUUID } from "node:crypto";
import type { ManagementNode } from "../../src/client/client.ts";
import { orphaning, takingBack, type Tracked } from "./standing.ts";
import { newVm, type Talk } from "./talk.ts";

const ttlSecondsMax = 15;
const leaseSeconds = 600;
let operations = 0;

function nextOperation(): string {
  operations += 1;
  return `short-${operations}`;
}

/** A claim of the operator: an orphan from the start. */
export async function claimAsOperator(talk: Talk): Promise<void> {
  const orphanTtlSeconds = talk.random.whole(1, ttlSecondsMax);
  const claim = talk.ledger.track({
    vmUuid: newVm(),
    managementNode: "operator",
    operationId: nextOperation(),
    ttlMs: orphanTtlSeconds * 1000,
    epoch: 0,
    possible: ["active"],
  });
  const sent = talk.clock.now();
  const underway = orphaning([claim], sent);
  // It is never active: there is nothing that it was before.
  claim.possible = claim.possible.filter((standing) => standing !== "active");
  const answer = await talk.ask(sent, () => {
    const body = { reason: "by hand", orphanTtlSeconds };
    return talk.client.claimAsOperator(claim.vmUuid, claim.operationId, body);
  });
  if (answer === undefined) return;
  underway.settle(answer.at);
  claim.isAcknowledged = true;
  talk.counts.claims += 1;
}

/** A management node that gives operations up, and is never declared departed itself. */
export class GivingUp {
  readonly id = "mn-3";
  readonly #instance = randomUUID();
  #sequence = 0;

  async step(talk: Talk): Promise<void> {
    const active = talk.ledger.claimsOf(this.id).filter((claim) => {
      return claim.isAcknowledged && !claim.isBusy && claim.possible.includes("active");
    });
    const claim = active[0];
    if (claim === undefined || active.length < 3) return await this.#claim(talk);
    return await this.#giveUp(talk, claim);
  }

  async #claim(talk: Talk): Promise<void> {
    const orphanTtlSeconds = talk.random.whole(1, ttlSecondsMax);
    this.#sequence += 1;
    const claim = talk.ledger.track({
      vmUuid: newVm(),
      managementNode: this.id,
      operationId: nextOperation(),
      ttlMs: orphanTtlSeconds * 1000,
      epoch: 1,
      possible: ["active"],
    });
    const managementNode = {
      id: this.id,
      epoch: 1,
      instance: this.#instance,
      sequence: this.#sequence,
      leaseSeconds,
    };
    const answer = await talk.ask(talk.clock.now(), () => {
      const body = { managementNode, reason: "migrate", orphanTtlSeconds };
      return talk.client.claim(claim.vmUuid, claim.operationId, body);
    });
    if (answer === undefined) return;
    claim.isAcknowledged = true;
    talk.counts.claims += 1;
  }

  async #giveUp(talk: Talk, claim: Tracked): Promise<void> {
    const { vmUuid, operationId } = claim;
    claim.isBusy = true;
    const sent = talk.clock.now();
    const underway = orphaning([claim], sent);
    const answer = await talk.ask(sent, () => {
      const caller = { id: this.id };
      return talk.client.continueClaim(vmUuid, operationId, { caller, outcome: "unknown" });
    });
    if (answer === undefined) return;
    claim.isBusy = false;
    underway.settle(answer.at);
    if (!answer.value.durable) talk.ledger.violated(`giving ${operationId} up is not durable`);
    talk.counts.givenUp += 1;
  }
}

/** What a visitor is about to do; after a kill it does that again. */
type Plan = "claim" | "go" | "stay away";

export class Visitor {
  readonly #id: string;
  readonly #instance = randomUUID();
  /** TTL of those claims that name none. */
  readonly #orphanTtlSeconds: number;
  readonly #claimsWanted: number;
  #instanceSuffix = 0;
  #epoch = 1;
  #sequence = 0;
  #plan: Plan = "claim";
  isOver = false;

  constructor(id: string, talk: Talk) {
    this.#id = id;
    this.#orphanTtlSeconds = talk.random.whole(1, ttlSecondsMax);
    this.#claimsWanted = talk.random.whole(1, 4);
  }

  get isAway(): boolean {
    return this.#plan === "stay away";
  }

  async step(talk: Talk): Promise<void> {
    const claims = talk.ledger.claimsOf(this.#id);
    switch (this.#plan) {
      case "claim":
        if (claims.length >= this.#claimsWanted) this.#plan = "go";
        else await this.#claim(talk);
        return;
      case "go":
        if (talk.random.chance(0.2)) await this.#startAnew(talk, claims);
        else await this.#goAway(talk, claims);
        return;
      case "stay away":
        if (claims.length === 0) this.isOver = true;
        else if (talk.random.chance(0.1)) await this.#comeBack(talk, claims);
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(this.#plan satisfies never)}`);
    }
  }

  #speaker(): ManagementNode {
    this.#sequence += 1;
    return {
      id: this.#id,
      epoch: this.#epoch,
      instance: `${this.#instance}-${this.#instanceSuffix}`,
      sequence: this.#sequence,
      leaseSeconds,
      orphanTtlSeconds: this.#orphanTtlSeconds,
    };
  }

  async #claim(talk: Talk): Promise<void> {
    const own = talk.random.chance(0.5) ? talk.random.whole(1, ttlSecondsMax) : undefined;
    const claim = talk.ledger.track({
      vmUuid: newVm(),
      managementNode: this.#id,
      operationId: nextOperation(),
      ttlMs: (own ?? this.#orphanTtlSeconds) * 1000,
      epoch: this.#epoch,
      possible: ["active"],
    });
    const answer = await talk.ask(talk.clock.now(), () => {
      const body = { managementNode: this.#speaker(), reason: "start" };
      const ttl = own === undefined ? {} : { orphanTtlSeconds: own };
      return talk.client.claim(claim.vmUuid, claim.operationId, { ...body, ...ttl });
    });
    if (answer === undefined) return;
    claim.isAcknowledged = true;
    talk.counts.claims += 1;
  }

  async #goAway(talk: Talk, claims: readonly Tracked[]): Promise<void> {
    const sent = talk.clock.now();
    const underway = orphaning(claims, sent);
    const answer = await talk.ask(sent, () => {
      return talk.client.depart(this.#id, this.#epoch, "mn-1");
    });
    if (answer === undefined) return;
    underway.settle(answer.at);
    if (!answer.value.durable) talk.ledger.violated(`departure of ${this.#id} is not durable`);
    this.#plan = "stay away";
    talk.counts.departures += 1;
  }

  /** Its process starts anew, with a higher epoch, says so, and is gone for good. */
  async #startAnew(talk: Talk, claims: readonly Tracked[]): Promise<void> {
    this.#epoch += 1;
    this.#instanceSuffix += 1;
    const sent = talk.clock.now();
    const underway = orphaning(claims, sent);
    const answer = await talk.ask(sent, () => talk.client.heartbeat(this.#speaker()), false);
    if (answer === undefined) return;
    underway.settle(answer.at);
    talk.counts.newEpochs += 1;
  }

  /** It was departed in error: with its epoch it takes its orphans back. */
  async #comeBack(talk: Talk, claims: readonly Tracked[]): Promise<void> {
    const own = claims.filter(({ epoch }) => epoch === this.#epoch);
    this.#plan = "go";
    const sent = talk.clock.now();
    const underway = takingBack(own);
    const answer = await talk.ask(sent, () => talk.client.heartbeat(this.#speaker()), false);
    if (answer === undefined) return;
    underway.settle(answer.at);
    if (!answer.value.durable) talk.ledger.violated(`the return of ${this.#id} is not durable`);
    talk.counts.takenBack += own.length;
  }
}
