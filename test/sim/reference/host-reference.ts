// What happened to one agent, in order, and what follows from it. An entry takes effect when
// everything before it is known; checks wait for that, too.

import type { Checker, Fail } from "../checkers/checker.ts";
import { lifeKey } from "./life.ts";
import type { World } from "../world/world.ts";
import { AmnesiaReference } from "./amnesia.ts";
import { ClaimLives, checkpointMs, longMs, type ClaimPolicy, type Moment } from "./claim-lives.ts";
import type { Delivery, SentEvent, SentReport } from "./delivery.ts";
import type { Place, Span } from "./life.ts";
import type { NodeRecord } from "./node-record.ts";
import type { Statement } from "./statement.ts";

export interface StartOfRun {
  readonly kind: "started";
  /** Undefined: it is the first run. */
  readonly killedAtMs: number | undefined;
  readonly beganAtMs: number;
  readonly listeningAtMs: number;
  readonly store: "kept" | "lost" | "restored";
  /** The wall time that passed since a checkpoint, where the host was started anew. */
  readonly elapsed: Span | undefined;
  /** The disk was not in order at the end of the run before, or at the start of this one. */
  readonly isTroubled: boolean;
}

type Entry =
  | { readonly kind: "delivery"; readonly delivery: Delivery }
  | { readonly kind: "report"; readonly sent: SentReport }
  | { readonly kind: "event"; readonly sent: SentEvent }
  | {
      readonly kind: "gap";
      readonly fromMs: number;
      readonly toMs: number;
      /** It is so long that silence does not count in it. */
      readonly isCounted: boolean;
    }
  | StartOfRun;

export interface ReferencePolicy extends ClaimPolicy {
  readonly leaseSecondsMax: number;
  readonly managementNodes: readonly string[];
}

export class HostReference {
  readonly host: string;
  readonly claims: ClaimLives;
  readonly amnesia: AmnesiaReference;
  /** Claims that were continued, and that answered durably: key and moment of the answer. */
  readonly continued = new Map<string, number>();
  /** The run that answers now, once one of its answers was seen. */
  run: { readonly storeId: string; readonly epoch: number } | undefined;
  readonly #policy: ReferencePolicy;
  readonly #world: World;
  readonly #checkers: readonly Checker[];
  readonly #fail: Fail;
  #log: Entry[] = [];

  constructor(
    host: string,
    policy: ReferencePolicy,
    world: World,
    checkers: readonly Checker[],
    fail: Fail,
  ) {
    this.host = host;
    this.#policy = policy;
    this.#world = world;
    this.#checkers = checkers;
    this.#fail = fail;
    this.claims = new ClaimLives(policy);
    this.amnesia = new AmnesiaReference(policy.managementNodes);
  }

  enter(entry: Entry): void {
    this.#log.push(entry);
    this.settle();
  }

  /** Gives effect to everything that is known. */
  settle(): void {
    let known = 0;
    for (; known < this.#log.length; known += 1) {
      const entry = this.#log[known] as Entry;
      if (entry.kind === "delivery") {
        const { answer, isLost } = entry.delivery;
        if (answer === undefined && !isLost) break;
      }
      this.#apply(entry);
    }
    if (known > 0) this.#log = this.#log.slice(known);
  }

  /** The world is over: what was not answered until now counts as lost. */
  end(): void {
    for (const entry of this.#log) {
      if (entry.kind === "delivery" && entry.delivery.answer === undefined) {
        entry.delivery.isLost = true;
      }
    }
    this.settle();
    for (const checker of this.#checkers) checker.ended?.(this, this.#world, this.#fail);
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case "delivery":
        this.#deliver(entry.delivery);
        return;
      case "report":
        for (const checker of this.#checkers) {
          checker.report?.(entry.sent, this, this.#world, this.#fail);
        }
        return;
      case "event":
        for (const checker of this.#checkers) {
          checker.event?.(entry.sent, this, this.#world, this.#fail);
        }
        return;
      case "gap":
        if (!entry.isCounted) this.claims.noticesLate(entry.toMs - entry.fromMs);
        else this.claims.listensAgain(entry.fromMs, { least: entry.toMs, most: entry.toMs }, false);
        return;
      case "started":
        this.#start(entry);
        for (const checker of this.#checkers) checker.started?.(entry, this);
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(entry satisfies never)}`);
    }
  }

  #start(start: StartOfRun): void {
    const { killedAtMs, beganAtMs, listeningAtMs, store, isTroubled } = start;
    this.run = undefined;
    const { leaseSecondsMax, orphanTtlSeconds, secondMs } = this.#policy;
    const amnesiaMs = Math.max(leaseSecondsMax, orphanTtlSeconds) * secondMs;
    const isAmnesiac = killedAtMs === undefined || store !== "kept";
    if (killedAtMs !== undefined) {
      this.amnesia.restarted();
      if (store === "kept") {
        const slackMs = isTroubled ? longMs : checkpointMs;
        if (start.elapsed !== undefined) {
          this.claims.rebooted(killedAtMs, listeningAtMs, start.elapsed, slackMs);
          this.amnesia.rebooted(killedAtMs, listeningAtMs, start.elapsed, slackMs);
        }
        this.claims.restarted(killedAtMs, { least: beganAtMs, most: listeningAtMs }, isTroubled);
      } else {
        this.continued.clear();
        if (store === "lost") this.claims.lost(killedAtMs);
        else this.claims.replaced(killedAtMs);
      }
    }
    // Where the start could not be written down it begins, too.
    if (isAmnesiac || isTroubled) {
      this.amnesia.began(beganAtMs + amnesiaMs, listeningAtMs + amnesiaMs, isAmnesiac);
    }
  }

  #deliver(delivery: Delivery): void {
    const { answer } = delivery;
    if (answer !== undefined) {
      for (const checker of this.#checkers) {
        checker.answered?.(delivery, this, this.#world, this.#fail);
      }
      if (answer.status === 200) this.#noteRun(answer.body);
    }
    const isRefused = answer !== undefined && answer.status !== 200 && answer.status !== 507;
    if (!isRefused) {
      const isCertain = answer?.status === 200;
      this.#take(delivery, {
        receivedAtMs: delivery.receivedAtMs,
        answeredAtMs: isCertain ? answer.atMs : undefined,
        isDurable: isCertain && answer.isDurable,
      });
    }
    if (answer === undefined) return;
    for (const checker of this.#checkers)
      checker.applied?.(delivery, this, this.#world, this.#fail);
  }

  #noteRun(body: unknown): void {
    const { agent } = body as { agent?: { storeId?: string; epoch?: number } };
    if (agent?.storeId === undefined || agent.epoch === undefined) return;
    this.run = { storeId: agent.storeId, epoch: agent.epoch };
  }

  #take(delivery: Delivery, moment: Moment): void {
    const { statement } = delivery;
    const { claims } = this;
    switch (statement.kind) {
      case "sync":
        this.#takeSync(delivery, statement, moment);
        return;
      case "claim":
        if (statement.from === undefined) {
          claims.claimedByOperator(statement.claim, moment);
          return;
        }
        claims.heard(statement.from, moment);
        claims.claimed(statement.from, statement.claim, moment, false);
        return;
      case "continue":
        this.#takeContinue(delivery, statement, moment);
        return;
      case "continue-vm":
        this.#takeContinueVm(delivery, statement, moment);
        return;
      case "heartbeat":
        claims.heard(statement.from, { ...moment, isFleeting: true });
        return;
      case "depart":
        this.#takeDeparture(delivery, statement, moment);
        return;
      case "end-amnesia":
        this.amnesia.ended(moment.receivedAtMs, moment.answeredAtMs, moment.isDurable);
        return;
      case "read":
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(statement satisfies never)}`);
    }
  }

  #takeSync(
    { answer }: Delivery,
    { from, list }: Statement & { kind: "sync" },
    moment: Moment,
  ): void {
    const isCertain = moment.answeredAtMs !== undefined;
    const known = this.claims.nodes.get(from.id);
    const lastSequence = known?.epochMost === from.epoch ? known.lastListSequence : undefined;
    const node = this.claims.heard(from, { ...moment, isFleeting: list === undefined });
    if (list === undefined) return;
    const echoes = from.storeId !== undefined && from.storeId === this.run?.storeId;
    if (echoes && from.agentEpoch === this.run?.epoch) {
      this.amnesia.listHeard(from.id, moment.receivedAtMs, moment.answeredAtMs, moment.isDurable);
    }
    // The same list once more changes nothing.
    if (isCertain && lastSequence === from.sequence) return;
    const { refused = [] } = (answer?.body ?? {}) as {
      refused?: readonly { vmUuid: string; operationId: string }[];
    };
    const isRefused = (vmUuid: string, operationId: string): boolean =>
      refused.some((one) => one.vmUuid === vmUuid && one.operationId === operationId);
    // Nor does one whose first copy was applied and not answered.
    const isPerhapsRepeated = isCertain && isRepeatedPerhaps(node, from);
    const itsMoment = isPerhapsRepeated ? { ...moment, answeredAtMs: undefined } : moment;
    this.claims.listed(from, list, itsMoment);
    for (const claim of list) {
      if (isCertain && isRefused(claim.vmUuid, claim.operationId)) continue;
      this.claims.claimed(from, claim, itsMoment, true);
    }
    if (isCertain) node.lastListSequence = from.sequence;
    else if (!isRepeatedPerhaps(node, from)) node.unansweredList = placeOf(from);
  }

  #takeContinue(
    { answer }: Delivery,
    statement: Statement & { kind: "continue" },
    moment: Moment,
  ): void {
    const { vmUuid, operationId, owner, caller, isUnknown } = statement;
    for (const life of this.claims.currentLives()) {
      if (life.vmUuid !== vmUuid || life.operationId !== operationId) continue;
      if (owner !== undefined && life.owner !== owner) continue;
      // Without an owner it depends on who had one; who is meant for certain is the owner, or the
      // caller with a certain claim of its own.
      const isMeant =
        owner !== undefined ||
        (life.owner === caller?.id && this.claims.certainUntil(life) > moment.receivedAtMs);
      const itsMoment = isMeant ? moment : { ...moment, answeredAtMs: undefined };
      if (isUnknown) this.claims.givenUp(life, caller, itsMoment);
      else this.claims.ended(life, itsMoment);
    }
    const isOver = answer?.status === 200 && moment.isDurable && !isUnknown;
    if (isOver && owner !== undefined) {
      this.continued.set(lifeKey(owner, vmUuid, operationId), answer.atMs);
    }
  }

  #takeContinueVm(
    _delivery: Delivery,
    { vmUuid, caller, orphans }: Statement & { kind: "continue-vm" },
    moment: Moment,
  ): void {
    for (const life of this.claims.currentLives()) {
      if (life.vmUuid !== vmUuid) continue;
      const isOwn = life.owner === caller?.id;
      if (isOwn) {
        // Ends what was made before it; how late it is, is known only where it says so.
        const { epoch, sequence } = caller ?? {};
        const isOlder =
          epoch !== undefined &&
          sequence !== undefined &&
          (life.placeMost.epoch < epoch ||
            (life.placeMost.epoch === epoch && life.placeMost.sequence <= sequence));
        this.claims.ended(life, isOlder ? moment : { ...moment, answeredAtMs: undefined });
      } else if (orphans && !this.claims.isCertainlyActive(life, moment.receivedAtMs)) {
        const isOrphan = life.expiresMostMs !== undefined;
        this.claims.ended(life, isOrphan ? moment : { ...moment, answeredAtMs: undefined });
      }
    }
  }

  #takeDeparture(
    { answer }: Delivery,
    { id, epoch }: Statement & { kind: "depart" },
    moment: Moment,
  ): void {
    const node = this.claims.nodes.get(id);
    if (node === undefined || epoch < node.epochLeast) return;
    const { departed } = (answer?.body ?? {}) as { departed?: boolean };
    if (departed === false) return;
    this.claims.departed(id, moment);
  }
}

function placeOf({ epoch, sequence }: Place): Place {
  return { epoch, sequence };
}

/** Whether a list may be one that was applied already, and not answered. */
export function isRepeatedPerhaps({ unansweredList }: NodeRecord, from: Place): boolean {
  if (unansweredList === undefined || unansweredList.epoch !== from.epoch) return false;
  return from.sequence <= unansweredList.sequence;
}
