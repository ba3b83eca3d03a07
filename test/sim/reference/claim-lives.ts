// The claims of one agent as its promises say they must be: a second, simple reading of the rules,
// made of requests and answers alone. Where an answer is missing it holds both for possible.
//
// Requests take effect in the order of their receipt. What makes a claim counts from the receipt;
// what ends one may count from the receipt on, and surely counts from the answer on.

import type { ManagementNode } from "../../../src/http/schema/common.ts";
import type { ClaimStatement } from "../../../src/http/schema/claims.ts";
import { comparePlaces, type Life, lifeKey, newLife, type Place, type Span } from "./life.ts";
import type { Speaker } from "./statement.ts";
import { listenAgain, newNode, type NodeRecord } from "./node-record.ts";

export const operatorId = "operator";

export interface ClaimPolicy {
  /** Milliseconds of the world that a second of the host takes. */
  readonly secondMs: number;
  readonly leaseSeconds: number;
  readonly orphanTtlSeconds: number;
}

/** When a statement came and when it was answered; `answeredAtMs` undefined: never. */
export interface Moment {
  readonly receivedAtMs: number;
  readonly answeredAtMs: number | undefined;
  readonly isDurable: boolean;
  /** It only says that somebody is alive: what its lease has left need not survive the agent. */
  readonly isFleeting?: boolean;
}

export class ClaimLives {
  readonly #policy: ClaimPolicy;
  readonly nodes = new Map<string, NodeRecord>();
  /** The last life of each claim. */
  readonly #current = new Map<string, Life>();
  /** All of them, by VM. */
  readonly #ofVm = new Map<string, Life[]>();

  constructor(policy: ClaimPolicy) {
    this.#policy = policy;
  }

  livesOn(vmUuid: string): readonly Life[] {
    return this.#ofVm.get(vmUuid) ?? [];
  }

  current(key: string): Life | undefined {
    return this.#current.get(key);
  }

  currentLives(): Iterable<Life> {
    return this.#current.values();
  }

  /** Until when a life is certain. */
  certainUntil(life: Life): number {
    return Math.min(life.mustUntilMs, this.expiresLeast(life));
  }

  /** Until when a life is possible. */
  possibleUntil(life: Life): number {
    return Math.min(life.mayUntilMs, this.expiresMost(life));
  }

  /** Whether it is certain that its node counts as alive. */
  isCertainlyActive(life: Life, atMs: number): boolean {
    if (life.expiresLeastMs !== undefined || life.mustUntilMs <= atMs) return false;
    const node = this.nodes.get(life.owner);
    return node !== undefined && node.lapsesLeastMs > atMs;
  }

  /** An accepted statement came from a node: its lease is renewed, its orphans are taken back. */
  heard(from: ManagementNode, moment: Moment): NodeRecord {
    const known = this.nodes.get(from.id);
    const terms = { ttl: this.#policyTtl(), leaseMs: this.#policyLease() };
    const node = known ?? newNode(from, terms);
    this.nodes.set(from.id, node);
    const isAnswered = moment.answeredAtMs !== undefined;
    if (known === undefined || from.epoch > node.epochMost) {
      if (known !== undefined) this.#beginEpoch(node, from, moment);
      if (isAnswered) this.#enterEpoch(node, from);
      if (isAnswered) node.isEpochUnstored = !moment.isDurable;
      else this.#widen(node, from.epoch);
      if (!isAnswered && known === undefined) node.epochLeast = -1;
    } else if (isAnswered) {
      if (from.epoch > node.epochLeast) this.#beginEpoch(node, from, moment);
      if (node.epochLeast !== from.epoch) {
        this.#narrowEpoch(node, from);
        node.isEpochUnstored = !moment.isDurable;
      }
      this.#takeBack(node, from.epoch, moment);
    }
    this.#renew(node, from, moment);
    if (!isAnswered && from.epoch <= node.epochMost) this.#takeBackPerhaps(node, from, moment);
    return node;
  }

  /** A claim that was accepted, or, unanswered, may have been. */
  claimed(from: ManagementNode, claim: ClaimStatement, moment: Moment, isInList: boolean): void {
    const key = lifeKey(from.id, claim.vmUuid, claim.operationId);
    const { receivedAtMs, answeredAtMs } = moment;
    const { epoch, sequence } = from;
    const ttl = this.#ownTtl(claim);
    const life = this.#current.get(key);
    const isCertain = answeredAtMs !== undefined;
    let wasPerhapsAlive: Life | undefined;
    if (life !== undefined && this.certainUntil(life) > receivedAtMs) {
      this.#renewClaim(life, { epoch, sequence }, ttl, { isCertain, isInList });
      if (isCertain) life.isUnstored = !moment.isDurable;
      return;
    }
    if (life !== undefined) {
      if (!isCertain) {
        life.mayUntilMs = Number.POSITIVE_INFINITY;
        life.expiresMostMs = undefined;
        life.isPerhapsGivenUp ||= life.isGivenUp;
        life.isGivenUp = false;
        life.placeMost = later(life.placeMost, { epoch, sequence });
        return;
      }
      if (this.possibleUntil(life) + secondMs > receivedAtMs) wasPerhapsAlive = life;
      life.mayUntilMs = Math.min(this.possibleUntil(life), receivedAtMs);
      life.mustUntilMs = this.certainUntil(life);
    }
    const made = newLife(from.id, claim, { epoch, sequence }, receivedAtMs, ttl);
    if (wasPerhapsAlive !== undefined) {
      // If it lived still, a statement that was overtaken has changed nothing of what it says.
      made.placeMost = later(wasPerhapsAlive.placeMost, made.placeMost);
      const isOpen = comparePlaces(made.placeMost, made.placeLeast) !== 0;
      if (isOpen) made.ttl = eitherTtl(ttl, wasPerhapsAlive.ttl);
    }
    if (!isCertain) made.mustUntilMs = receivedAtMs;
    made.isUnstored = !moment.isDurable;
    this.#add(key, made);
  }

  /** A claim of the operator: an orphan from the start. */
  claimedByOperator(claim: ClaimStatement, moment: Moment): void {
    const key = lifeKey(operatorId, claim.vmUuid, claim.operationId);
    const life = newLife(
      operatorId,
      claim,
      { epoch: 0, sequence: 0 },
      moment.receivedAtMs,
      undefined,
    );
    const ttl = this.#ownTtl(claim) ?? this.#policyTtl();
    life.expiresLeastMs = moment.receivedAtMs + ttl.least;
    life.expiresMostMs = (moment.answeredAtMs ?? Number.POSITIVE_INFINITY) + ttl.most;
    if (moment.answeredAtMs === undefined) life.mustUntilMs = moment.receivedAtMs;
    const was = this.#current.get(key);
    if (was !== undefined) {
      was.mayUntilMs = Math.min(this.possibleUntil(was), moment.receivedAtMs);
      was.mustUntilMs = Math.min(this.certainUntil(was), moment.receivedAtMs);
    }
    this.#add(key, life);
  }

  /** Claims that a whole list leaves out and that are older than it. */
  listed(from: ManagementNode, list: readonly ClaimStatement[], moment: Moment): void {
    const named = new Set(
      list.map(({ vmUuid, operationId }) => lifeKey(from.id, vmUuid, operationId)),
    );
    for (const [key, life] of this.#current) {
      if (life.owner !== from.id || life.isGivenUp || named.has(key)) continue;
      const { placeLeast, placeMost } = life;
      const mayBeOlder = placeLeast.epoch <= from.epoch && comparePlaces(placeLeast, from) < 0;
      if (!mayBeOlder || placeMost.epoch < from.epoch) continue;
      // What was given up is not ended by being left out, and it may still be so.
      const isOlder =
        !life.isPerhapsGivenUp &&
        placeLeast.epoch === from.epoch &&
        placeMost.epoch === from.epoch &&
        comparePlaces(placeMost, from) < 0;
      this.ended(life, isOlder ? moment : { ...moment, answeredAtMs: undefined });
    }
  }

  /** An end that was answered; unanswered, one that may have been. */
  ended(life: Life, { receivedAtMs, answeredAtMs, isDurable }: Moment): void {
    life.mustUntilMs = Math.min(life.mustUntilMs, Math.max(receivedAtMs, life.fromMs));
    if (answeredAtMs === undefined || this.possibleUntil(life) <= answeredAtMs) return;
    life.mayUntilMs = answeredAtMs;
    life.isEndUnstored = !isDurable;
  }

  /** Given up without a known outcome: an orphan from now on. */
  givenUp(life: Life, caller: Speaker | undefined, moment: Moment): void {
    const { epoch, sequence } = caller?.id === life.owner ? caller : {};
    let { answeredAtMs } = moment;
    if (epoch !== undefined) {
      // A later process of its owner has taken it over: what an earlier one says of it is past.
      if (epoch < life.placeLeast.epoch) return;
      if (epoch < life.placeMost.epoch) answeredAtMs = undefined;
      const place = { epoch, sequence: sequence ?? 0 };
      life.placeMost = later(life.placeMost, place);
      if (answeredAtMs !== undefined) life.placeLeast = later(life.placeLeast, place);
    }
    this.#orphan(life, moment.receivedAtMs, answeredAtMs, moment.isDurable);
    life.isPerhapsGivenUp = true;
    if (answeredAtMs === undefined) return;
    life.isGivenUp = true;
    life.isEndUnstored = !moment.isDurable;
    if (moment.isDurable) life.isUnstored = false;
  }

  /** The departure of a node was answered; unanswered, it may have happened. */
  departed(id: string, { receivedAtMs, answeredAtMs, isDurable }: Moment): void {
    const node = this.nodes.get(id);
    if (node !== undefined) node.maybeDeparted = true;
    for (const life of this.#current.values()) {
      if (life.owner === id) this.#orphan(life, receivedAtMs, answeredAtMs, isDurable);
    }
  }

  /** The agent did not listen for a while, or is another run of it. */
  listensAgain(silentFromMs: number, at: Span, isTroubled: boolean): void {
    this.#settleLapses(silentFromMs, isTroubled);
    for (const node of this.nodes.values()) {
      listenAgain(node, silentFromMs, at);
      // The remainder that a new run goes on with is that of a checkpoint, or of an older one yet.
      const slackMs = isTroubled ? node.leaseMs.most : checkpointMs;
      node.lapsesMostMs += slackMs;
      node.ttl = spanOf(node.ttl, node.ttlStored);
      node.leaseMs = spanOf(node.leaseMs, node.leaseStoredMs);
      node.isUnstored = false;
      if (node.isEpochUnstored) node.epochLeast = -1;
    }
  }

  /** The agent stood still, so briefly that it does not know: a lapse is noticed after it. */
  noticesLate(byMs: number): void {
    for (const node of this.nodes.values()) node.lapsesMostMs += byMs;
  }

  /** A new run of the agent on the same store. */
  restarted(killedAtMs: number, at: Span, isTroubled: boolean): void {
    for (const life of this.#current.values()) {
      if (life.isUnstored) {
        life.mustUntilMs = Math.min(life.mustUntilMs, killedAtMs);
        life.mayUntilMs = Number.POSITIVE_INFINITY;
        life.mayExpireMs = life.expiresMostMs ?? life.mayExpireMs;
        life.expiresMostMs = undefined;
      }
      if (life.isEndUnstored || (life.isExpired && isTroubled)) {
        life.mayUntilMs = Number.POSITIVE_INFINITY;
        life.mayExpireMs = life.expiresMostMs ?? life.mayExpireMs;
        life.isGivenUp = false;
        life.expiresMostMs = undefined;
      }
      if (this.certainUntil(life) > killedAtMs) life.hasSurvivedRestart = true;
    }
    this.listensAgain(killedAtMs, at, isTroubled);
    for (const life of this.#current.values()) {
      // An orphaning that was not stored may be forgotten, and with it the TTL of that time.
      if (!life.isEndUnstored || life.expiresLeastMs === undefined) continue;
      const againMs = at.least + this.#ttl(life).least;
      life.expiresLeastMs = Math.min(life.expiresLeastMs, againMs);
    }
  }

  /** The host was started anew: what orphans had left is counted on the wall clock. */
  rebooted(killedAtMs: number, atMs: number, elapsed: Span, slackMs: number): void {
    this.#settleLapses(killedAtMs, slackMs >= longMs);
    for (const life of this.#current.values()) {
      if (life.expiresLeastMs !== undefined && life.mustUntilMs > killedAtMs) {
        const leftMs = life.expiresLeastMs - killedAtMs;
        if (leftMs > 0) life.expiresLeastMs = Math.max(killedAtMs, atMs + leftMs - elapsed.most);
      }
      if (life.expiresMostMs !== undefined) {
        const leftMs = Math.max(0, life.expiresMostMs - killedAtMs);
        life.expiresMostMs = atMs + leftMs + slackMs - elapsed.least;
      }
    }
  }

  /** The store is gone: nothing is known any more. */
  lost(killedAtMs: number): void {
    for (const life of this.#current.values()) {
      life.mustUntilMs = Math.min(this.certainUntil(life), killedAtMs);
      life.mayUntilMs = Math.min(this.possibleUntil(life), killedAtMs);
    }
    this.#current.clear();
    this.nodes.clear();
  }

  /** An older copy of the store was put in its place: whatever once lived may live. */
  replaced(killedAtMs: number): void {
    for (const life of this.#current.values()) {
      life.mustUntilMs = Math.min(this.certainUntil(life), killedAtMs);
      life.mayUntilMs = Number.POSITIVE_INFINITY;
      life.expiresMostMs = undefined;
      life.placeLeast = { epoch: 0, sequence: 0 };
      life.placeMost = { epoch: Number.MAX_SAFE_INTEGER, sequence: 0 };
      // Its own TTL is that of the copy.
      life.ttl = { least: 0, most: longMs };
    }
    for (const node of this.nodes.values()) {
      node.epochLeast = 0;
      node.lapsesMostMs = longMs;
      node.lapsesLeastMs = 0;
      node.lastListSequence = undefined;
      node.unansweredList = { epoch: node.epochMost, sequence: node.sequence };
      node.leaseMs = { least: 0, most: longMs };
      node.ttl = { least: 0, most: longMs };
    }
  }

  expiresLeast(life: Life): number {
    if (life.expiresLeastMs !== undefined) return life.expiresLeastMs;
    const node = this.nodes.get(life.owner);
    return (node?.lapsesLeastMs ?? life.fromMs) + this.#ttl(life).least;
  }

  expiresMost(life: Life): number {
    if (life.expiresMostMs !== undefined) return life.expiresMostMs;
    const node = this.nodes.get(life.owner);
    return Math.max(life.mayExpireMs, (node?.lapsesMostMs ?? longMs) + this.#ttl(life).most);
  }

  #beginEpoch(node: NodeRecord, from: ManagementNode, moment: Moment): void {
    const { receivedAtMs, answeredAtMs } = moment;
    for (const life of this.#current.values()) {
      if (life.owner !== node.id || life.placeLeast.epoch >= from.epoch) continue;
      const isOlder = life.placeMost.epoch < from.epoch;
      this.#orphan(life, receivedAtMs, isOlder ? answeredAtMs : undefined, moment.isDurable);
    }
  }

  #enterEpoch(node: NodeRecord, { epoch, instance }: ManagementNode): void {
    node.epochLeast = epoch;
    node.epochMost = epoch;
    node.instance = instance;
    node.sequence = 0;
    node.lastListSequence = undefined;
    node.unansweredList = undefined;
    // What the new process does not say is the agent's again; what the old one said holds for its own.
    node.ttl = spanOf(node.ttl, this.#policyTtl());
    node.leaseMs = { least: 0, most: 0 };
  }

  /** An epoch has begun, perhaps; what was said in the one before holds in it no more. */
  #widen(node: NodeRecord, epoch: number): void {
    node.epochMost = epoch;
    node.lastListSequence = undefined;
    this.#widenTerms(node);
  }

  #widenTerms(node: NodeRecord): void {
    node.ttl = spanOf(node.ttl, this.#policyTtl());
    const isNew = node.leaseMs.most === 0;
    if (!isNew) node.leaseMs = spanOf(node.leaseMs, this.#policyLease());
  }

  /** It was of this epoch already, perhaps: what it has said may hold or not. */
  #narrowEpoch(node: NodeRecord, { epoch, instance }: ManagementNode): void {
    node.epochLeast = epoch;
    node.epochMost = epoch;
    node.instance = instance;
    if (node.lastListSequence !== undefined) {
      node.unansweredList = { epoch, sequence: node.lastListSequence };
    }
    node.lastListSequence = undefined;
    this.#widenTerms(node);
  }

  #takeBack(node: NodeRecord, epoch: number, { receivedAtMs, isDurable }: Moment): void {
    const hasMaybeLapsed = node.lapsesLeastMs <= receivedAtMs;
    for (const life of this.#current.values()) {
      if (life.owner !== node.id || life.isGivenUp) continue;
      const isCertain = life.placeLeast.epoch === epoch && life.placeMost.epoch === epoch;
      if (life.expiresLeastMs === undefined && hasMaybeLapsed) {
        life.expiresLeastMs = this.expiresLeast(life);
      }
      const isLeft = life.expiresLeastMs === undefined || life.expiresLeastMs > receivedAtMs;
      const isBack = life.expiresLeastMs !== undefined || hasMaybeLapsed || node.maybeDeparted;
      if (isBack && !isDurable && life.placeMost.epoch >= epoch) life.isUnstored = true;
      if (isLeft && isCertain && !life.isPerhapsGivenUp) {
        life.expiresLeastMs = undefined;
        life.isPerhapsBack = false;
        life.orphanTtlMostMs = 0;
        life.mayExpireMs = 0;
      }
      if (life.placeMost.epoch < epoch) continue;
      if (this.expiresMost(life) + secondMs >= receivedAtMs) life.expiresMostMs = undefined;
      else {
        life.mayUntilMs = Math.min(life.mayUntilMs, this.expiresMost(life));
        life.isExpired = true;
      }
    }
  }

  /** What was perhaps taken back is active, or an orphan anew, when the lease has lapsed again. */
  #takeBackPerhaps(node: NodeRecord, { epoch }: ManagementNode, { receivedAtMs }: Moment): void {
    for (const life of this.#current.values()) {
      if (life.owner !== node.id || life.placeMost.epoch < epoch || life.isGivenUp) continue;
      life.expiresMostMs = undefined;
      if (life.expiresLeastMs === undefined || life.expiresLeastMs <= receivedAtMs) continue;
      life.isPerhapsBack = true;
      const againMs = receivedAtMs + node.leaseMs.least + this.#ttl(life).least;
      life.expiresLeastMs = Math.min(life.expiresLeastMs, againMs);
    }
  }

  #renew(node: NodeRecord, from: ManagementNode, moment: Moment): void {
    const { receivedAtMs, answeredAtMs, isDurable } = moment;
    const isLatest = from.sequence >= node.sequence && answeredAtMs !== undefined;
    const second = this.#policy.secondMs;
    const isFirst = node.leaseMs.most === 0;
    const saidMs = (from.leaseSeconds ?? this.#policy.leaseSeconds) * second;
    const said: Span = { least: saidMs, most: saidMs };
    const isSaid = from.leaseSeconds !== undefined;
    if (isFirst && answeredAtMs === undefined) node.leaseMs = this.#policyLease();
    if (answeredAtMs !== undefined && (isFirst || (isLatest && isSaid))) node.leaseMs = said;
    else if (!isLatest && isSaid) node.leaseMs = spanOf(node.leaseMs, said);
    if (from.orphanTtlSeconds !== undefined) {
      const ttlMs = from.orphanTtlSeconds * second;
      const ttl = { least: ttlMs, most: ttlMs };
      node.ttl = isLatest ? ttl : spanOf(node.ttl, ttl);
    }
    if (from.epoch >= node.epochLeast) node.sequence = Math.max(node.sequence, from.sequence);
    const lapsesMostMs = (answeredAtMs ?? receivedAtMs) + node.leaseMs.most;
    if (answeredAtMs === undefined) {
      node.lapsesMostMs = Math.max(node.lapsesMostMs, lapsesMostMs, receivedAtMs + saidMs);
      // It may have a shorter lease from now on than it had left.
      if (isSaid) node.leaseMs = spanOf(node.leaseMs, said);
      // And the store may hold what it said, though not what came after it.
      node.ttlStored = spanOf(node.ttlStored, node.ttl);
      node.leaseStoredMs = spanOf(node.leaseStoredMs, node.leaseMs);
      node.lapsesLeastMs = Math.min(node.lapsesLeastMs, receivedAtMs + node.leaseMs.least);
      return;
    }
    node.lapsesLeastMs = receivedAtMs + node.leaseMs.least;
    node.lapsesMostMs = lapsesMostMs;
    node.graceUsedMs = 0;
    node.maybeDeparted = false;
    node.isUnstored = !isDurable || moment.isFleeting === true;
    if (!isDurable) return;
    node.ttlStored = node.ttl;
    node.leaseStoredMs = node.leaseMs;
  }

  #renewClaim(
    life: Life,
    place: Place,
    ttl: Span | undefined,
    { isCertain, isInList }: { isCertain: boolean; isInList: boolean },
  ): void {
    const isOvertaken = comparePlaces(place, life.placeMost) < 0;
    if (isCertain) {
      life.expiresLeastMs = undefined;
      life.expiresMostMs = undefined;
      life.isPerhapsBack = false;
      life.orphanTtlMostMs = 0;
      life.mayExpireMs = 0;
      life.isGivenUp = false;
      life.isPerhapsGivenUp = false;
      if (!isOvertaken) {
        // A list that says of a claim what is known of it may leave its place as it was.
        if (!isInList) life.placeLeast = place;
        life.placeMost = place;
        life.ttl = ttl;
      } else if (comparePlaces(place, life.placeLeast) > 0) {
        life.ttl = eitherTtl(ttl, life.ttl);
      }
      return;
    }
    life.expiresMostMs = undefined;
    life.isPerhapsGivenUp ||= life.isGivenUp;
    life.isGivenUp = false;
    life.placeMost = later(life.placeMost, place);
    life.ttl = eitherTtl(ttl, life.ttl);
  }

  /** @param atMostMs undefined: it may not have happened at all */
  #orphan(life: Life, atLeastMs: number, atMostMs: number | undefined, isDurable: boolean): void {
    const ttl = this.#ttl(life);
    if (life.expiresLeastMs === undefined || life.isPerhapsBack) {
      life.expiresLeastMs = Math.min(this.expiresLeast(life), atLeastMs + ttl.least);
    }
    // It may have been one already, with the TTL of that time.
    life.orphanTtlMostMs = Math.max(life.orphanTtlMostMs, ttl.most);
    if (atMostMs === undefined || life.expiresMostMs !== undefined) return;
    const lapsesMostMs = this.expiresMost(life) - ttl.most;
    life.expiresMostMs = Math.min(lapsesMostMs, atMostMs) + life.orphanTtlMostMs;
    life.isEndUnstored = !isDurable;
  }

  /** Before leases are counted anew: what has lapsed by then has lapsed. */
  #settleLapses(atMs: number, isTroubled: boolean): void {
    for (const life of this.#current.values()) {
      const node = this.nodes.get(life.owner);
      if (node === undefined) continue;
      if (life.expiresLeastMs === undefined && node.lapsesLeastMs <= atMs) {
        life.expiresLeastMs = this.expiresLeast(life);
      }
      // A moment later it was durable, too.
      const isDurable = !isTroubled && node.lapsesMostMs + checkpointMs < atMs;
      if (life.expiresMostMs === undefined && isDurable) {
        life.expiresMostMs = this.expiresMost(life);
      }
    }
  }

  #add(key: string, life: Life): void {
    this.#current.set(key, life);
    const ofVm = this.#ofVm.get(life.vmUuid);
    if (ofVm === undefined) this.#ofVm.set(life.vmUuid, [life]);
    else ofVm.push(life);
  }

  #ttl(life: Life): Span {
    return life.ttl ?? this.nodes.get(life.owner)?.ttl ?? this.#policyTtl();
  }

  #ownTtl({ orphanTtlSeconds }: ClaimStatement): Span | undefined {
    if (orphanTtlSeconds === undefined) return undefined;
    const ms = orphanTtlSeconds * this.#policy.secondMs;
    return { least: ms, most: ms };
  }

  #policyLease(): Span {
    const ms = this.#policy.leaseSeconds * this.#policy.secondMs;
    return { least: ms, most: ms };
  }

  #policyTtl(): Span {
    const ms = this.#policy.orphanTtlSeconds * this.#policy.secondMs;
    return { least: ms, most: ms };
  }
}

const secondMs = 1000;
/** Longer than any world; finite, so that it can be reckoned with. */
export const longMs = 1e9;
/** Checkpoints are 10 s apart, and take a moment. */
export const checkpointMs = 11_500;

function later(one: Place, other: Place): Place {
  return comparePlaces(one, other) >= 0 ? one : other;
}

/** Which of two TTLs holds is open; that of the node, undefined here, may change yet. */
function eitherTtl(one: Span | undefined, other: Span | undefined): Span | undefined {
  if (one === undefined && other === undefined) return undefined;
  const isBounded = one !== undefined && other !== undefined;
  return { least: 0, most: isBounded ? Math.max(one.most, other.most) : longMs };
}

function spanOf(one: Span, other: Span): Span {
  return { least: Math.min(one.least, other.least), most: Math.max(one.most, other.most) };
}
