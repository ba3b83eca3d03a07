// A management node that lives through all rounds and does everything at once: claims, renewals,
// continues by operation and by VM, whole lists, heartbeats; others declare it departed in the
// middle of it. Its claims have TTLs of a day: whatever happens, they live until continued, if the
// wall clock does not leap over a day between two boots.

import { randomUUID } from "node:crypto";
import type { ManagementNode } from "../../src/client/client.ts";
import { ApiError } from "../../src/client/errors.ts";
import { dayMs, type Tracked } from "./standing.ts";
import { newVm, type Talk } from "./talk.ts";

const claimsMax = 40;
const orphanTtlSeconds = dayMs / 1000;
const leaseSeconds = 600;

export class LongLivedNode {
  readonly id: string;
  #epoch = 1;
  #instance = randomUUID();
  #sequence = 0;
  #operations = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Its process was started anew: what it claimed before is orphaned, and lives on. */
  restart(): void {
    this.#epoch += 1;
    this.#instance = randomUUID();
    this.#sequence = 0;
  }

  /** A claim, a renewal or a continue. */
  async step(talk: Talk): Promise<void> {
    const free = talk.ledger.claimsOf(this.id).filter(isFree);
    const claim = free[talk.random.below(free.length)];
    const isFull = free.length >= claimsMax;
    if (claim === undefined || (!isFull && talk.random.chance(0.5))) return await this.#claim(talk);
    if (talk.random.chance(0.3)) return await this.#renew(talk, claim);
    if (talk.random.chance(0.1)) return await this.#sayAnew(talk);
    return await this.#continue(talk, claim);
  }

  /** A heartbeat or a whole list. */
  async speak(talk: Talk, peer: LongLivedNode): Promise<void> {
    if (talk.random.chance(0.3)) return await this.#heartbeat(talk);
    if (talk.random.chance(0.3)) return await this.#declareDeparted(talk, peer);
    return await this.#list(talk);
  }

  #speaker(): ManagementNode {
    this.#sequence += 1;
    const epoch = this.#epoch;
    const [instance, sequence] = [this.#instance, this.#sequence];
    return { id: this.id, epoch, instance, sequence, leaseSeconds, orphanTtlSeconds };
  }

  async #claim(talk: Talk): Promise<void> {
    this.#operations += 1;
    const claim = talk.ledger.track({
      vmUuid: newVm(),
      managementNode: this.id,
      operationId: `op-${this.#operations}`,
      ttlMs: undefined,
      epoch: undefined,
      possible: ["active"],
    });
    await this.#renew(talk, claim);
  }

  async #renew(talk: Talk, claim: Tracked): Promise<void> {
    const { vmUuid, operationId } = claim;
    claim.isBusy = true;
    const body = { managementNode: this.#speaker(), reason: "start" };
    const answer = await talk.ask(talk.clock.now(), () => {
      return talk.client.claim(vmUuid, operationId, body);
    });
    if (answer === undefined) {
      claim.epoch = undefined;
      return;
    }
    claim.isBusy = false;
    claim.isAcknowledged = true;
    claim.downMs = 0;
    claim.epoch = body.managementNode.epoch;
    talk.counts.claims += 1;
  }

  async #continue(talk: Talk, claim: Tracked): Promise<void> {
    const { vmUuid, operationId } = claim;
    claim.isEndAsked = true;
    const { id, epoch, sequence } = this.#speaker();
    const caller = { id, epoch, sequence };
    const isOfVm = talk.random.chance(0.2);
    const answer = await talk.ask(talk.clock.now(), () => {
      if (isOfVm) return talk.client.continueVm(vmUuid, { caller });
      return talk.client.continueClaim(vmUuid, operationId, { caller });
    });
    if (answer === undefined) return;
    if (!answer.value.durable)
      talk.ledger.violated(`the continue of ${operationId} is not durable`);
    talk.ledger.continued(claim);
    talk.counts.continues += 1;
  }

  /** An operation that was continued is claimed again: it is refused, whatever was killed since. */
  async #sayAnew(talk: Talk): Promise<void> {
    const over = talk.ledger.anyContinued((count) => talk.random.below(count));
    if (over === undefined || over.managementNode !== this.id) return;
    const { vmUuid, operationId } = over;
    const body = { managementNode: this.#speaker(), reason: "start" };
    try {
      const answer = await talk.ask(talk.clock.now(), () => {
        return talk.client.claim(vmUuid, operationId, body);
      });
      if (answer === undefined) return;
      talk.ledger.violated(`${operationId} was continued, and its claim is accepted again`);
    } catch (error) {
      const isLate = error instanceof ApiError && lateCodes.has(error.code);
      if (!isLate) throw error;
      talk.counts.refusedLate += 1;
    }
  }

  async #heartbeat(talk: Talk): Promise<void> {
    const answer = await talk.ask(
      talk.clock.now(),
      () => talk.client.heartbeat(this.#speaker()),
      false,
    );
    if (answer !== undefined) talk.counts.heartbeats += 1;
  }

  async #declareDeparted(talk: Talk, { id, epoch }: { id: string; epoch: number }): Promise<void> {
    const answer = await talk.ask(
      talk.clock.now(),
      () => talk.client.depart(id, epoch, this.id),
      false,
    );
    if (answer === undefined) return;
    if (!answer.value.durable) talk.ledger.violated(`the departure of ${id} is not durable`);
    if (answer.value.departed) talk.counts.departures += 1;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Names all that is wanted, and leaves out one or two claims of this epoch, which ends them. */
  async #list(talk: Talk): Promise<void> {
    const wanted = talk.ledger.claimsOf(this.id).filter(({ isEndAsked }) => !isEndAsked);
    const endable = wanted.filter((claim) => isFree(claim) && claim.epoch === this.#epoch);
    const leftOut = new Set(endable.slice(0, talk.random.below(3)));
    for (const claim of leftOut) claim.isEndAsked = true;
    const named = wanted.filter((claim) => !leftOut.has(claim));
    const body = {
      managementNode: this.#speaker(),
      skipList: named.map(({ vmUuid, operationId }) => ({ vmUuid, operationId, reason: "start" })),
    };
    const answer = await talk.ask(talk.clock.now(), () => talk.client.sync(body));
    if (answer === undefined) {
      for (const claim of named) claim.epoch = undefined;
      return;
    }
    const { refused = [], claimsStored } = answer.value;
    if (claimsStored !== true) talk.ledger.violated(`a list of ${this.id} is not stored`);
    const refusedIds = new Map(refused.map(({ operationId, code }) => [operationId, code]));
    for (const claim of named) this.#listed(talk, claim, refusedIds.get(claim.operationId));
    for (const claim of leftOut) talk.ledger.leftOut(claim);
    talk.counts.lists += 1;
  }

  #listed(talk: Talk, claim: Tracked, refused: string | undefined): void {
    if (refused === undefined) {
      claim.isAcknowledged = true;
      claim.downMs = 0;
      claim.epoch = this.#epoch;
      return;
    }
    // Its continue was on its way beside the list and overtook it.
    if (claim.isEndAsked || !talk.ledger.isLive(claim)) return;
    talk.ledger.violated(`${claim.operationId} was refused by a list: ${refused}`);
  }
}

/** A floor that a continue by VM left refuses too. */
const lateCodes: ReadonlySet<string> = new Set(["operation-continued", "stale-claim"]);

function isFree({ isAcknowledged, isBusy, isEndAsked }: Tracked): boolean {
  return isAcknowledged && !isBusy && !isEndAsked;
}
