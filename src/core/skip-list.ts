// The skip list: which claims live, and which ended so recently that a report under way must still
// honour them (G1); who speaks, and what remains of what is over. State and its one way to change;
// what is to change is decided in the decide-*.ts files.
//
// INVARIANTS:
// - Nothing here is decided: `apply` makes exactly the changes that it is given.
// - A claim whose end was asked for is honoured until `settle` says that the end is durable.

import type { Amnesia } from "./amnesia.ts";
import { type Change, isOfReports, isPendingEnd } from "./change.ts";
import { type Claim, type ClaimKey, claimKey, type EndedClaim, keyWithinNode } from "./claim.ts";
import type { Instant } from "./instant.ts";
import type { KnownManagementNode } from "./management-node.ts";
import type { Policy } from "./policy.ts";
import type { Stop } from "./stop.ts";
import { floorKey, type Tombstone, type VmFloor } from "./tombstone.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Claims per VM: those that live now, and those that ended within the time that was asked for. */
export interface LivingClaims {
  /** The state itself: to be read before anything changes. */
  readonly live: ReadonlyMap<VmUuid, ReadonlySet<Claim>>;
  readonly ended: ReadonlyMap<VmUuid, readonly EndedClaim[]>;
}

/** What decisions may read. */
export interface SkipListView {
  readonly policy: Policy;
  /** Rises with every change of the claims. */
  readonly revision: number;
  /** Rises with everything that may change what a report on the same look says. */
  readonly filterRevision: number;
  readonly size: number;
  /** Moment before which ended claims are no longer remembered. */
  readonly rememberedFromMs: number;
  /** Until when the agent listened without a gap. */
  readonly listenedUntilMs: number;
  /** No lease, TTL or amnesia ends before this; a lower bound. */
  readonly nextDeadlineMs: number;
  readonly amnesia: Amnesia | undefined;
  /** Management nodes whose whole list this run has heard. */
  readonly listsHeard: ReadonlySet<string>;
  find(key: ClaimKey): Claim | undefined;
  claimsOn(vmUuid: VmUuid): readonly Claim[];
  claimsOf(managementNodeId: string): readonly Claim[];
  /** Number of live claims of a management node. */
  countOf(managementNodeId: string): number;
  all(): Iterable<Claim>;
  orphans(): Iterable<Claim>;
  readonly orphanCount: number;
  /** Claims that lived at `ms` or later. */
  livingSince(ms: number): LivingClaims;
  /** Whether amnesia lasted at `ms` or later. */
  hadAmnesiaSince(ms: number): boolean;
  managementNodes(): Iterable<KnownManagementNode>;
  readonly managementNodeCount: number;
  managementNode(id: string): KnownManagementNode | undefined;
  tombstone(key: ClaimKey): Tombstone | undefined;
  /** Oldest first. */
  tombstones(): Iterable<Tombstone>;
  readonly tombstoneCount: number;
  floor(vmUuid: VmUuid, managementNodeId: string): VmFloor | undefined;
  /** Oldest first. */
  floors(): Iterable<VmFloor>;
  readonly floorCount: number;
  /** The one that was changed last comes last. */
  readonly stops: ReadonlyMap<VmUuid, Stop>;
}

/** When a claim ends whatever is written down: an orphan at its TTL. */
function ttlEndMs({ orphan }: Claim): number {
  return orphan?.expiresAtMs ?? Number.POSITIVE_INFINITY;
}

/** Ended claims remembered at most; beyond it the oldest are forgotten and G1 withholds instead. */
export const endedClaimsMax = 40_000;

export class SkipList implements SkipListView {
  readonly policy: Policy;
  readonly #endedMax: number;
  readonly #byNode = new Map<string, Map<string, Claim>>();
  /** Sets: a VM may have all the claims of a node, and copying them for each would take seconds. */
  readonly #byVm = new Map<VmUuid, Set<Claim>>();
  readonly #orphans = new Map<string, Claim>();
  readonly #nodes = new Map<string, KnownManagementNode>();
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #floors = new Map<string, VmFloor>();
  readonly #stops = new Map<VmUuid, Stop>();
  readonly #ending = new Set<EndedClaim>();
  readonly #listsHeard = new Set<string>();
  #ended: EndedClaim[] = [];
  #rememberedFromMs = Number.NEGATIVE_INFINITY;
  #listenedUntilMs: number;
  #nextDeadlineMs = Number.POSITIVE_INFINITY;
  #amnesia: Amnesia | undefined;
  #amnesiaEndedAtMs = Number.NEGATIVE_INFINITY;
  #revision = 0;
  #filterRevision = 0;
  #size = 0;

  /** @param now from when on the agent listens */
  constructor(policy: Policy, now: Instant, endedMax: number = endedClaimsMax) {
    this.policy = policy;
    this.#listenedUntilMs = now.ms;
    this.#endedMax = endedMax;
  }

  get revision(): number {
    return this.#revision;
  }

  get filterRevision(): number {
    return this.#filterRevision;
  }

  get size(): number {
    return this.#size;
  }

  get rememberedFromMs(): number {
    return this.#rememberedFromMs;
  }

  get listenedUntilMs(): number {
    return this.#listenedUntilMs;
  }

  get nextDeadlineMs(): number {
    return this.#nextDeadlineMs;
  }

  get amnesia(): Amnesia | undefined {
    return this.#amnesia;
  }

  get listsHeard(): ReadonlySet<string> {
    return this.#listsHeard;
  }

  get orphanCount(): number {
    return this.#orphans.size;
  }

  get managementNodeCount(): number {
    return this.#nodes.size;
  }

  get tombstoneCount(): number {
    return this.#tombstones.size;
  }

  get floorCount(): number {
    return this.#floors.size;
  }

  get stops(): ReadonlyMap<VmUuid, Stop> {
    return this.#stops;
  }

  find(key: ClaimKey): Claim | undefined {
    return this.#byNode.get(key.managementNodeId)?.get(keyWithinNode(key));
  }

  claimsOn(vmUuid: VmUuid): readonly Claim[] {
    return [...(this.#byVm.get(vmUuid) ?? [])];
  }

  claimsOf(managementNodeId: string): readonly Claim[] {
    return [...(this.#byNode.get(managementNodeId)?.values() ?? [])];
  }

  countOf(managementNodeId: string): number {
    return this.#byNode.get(managementNodeId)?.size ?? 0;
  }

  *all(): Iterable<Claim> {
    for (const ofNode of this.#byNode.values()) yield* ofNode.values();
  }

  orphans(): Iterable<Claim> {
    return this.#orphans.values();
  }

  livingSince(ms: number): LivingClaims {
    const ended = new Map<VmUuid, EndedClaim[]>();
    const add = (claim: EndedClaim): void => {
      const ofVm = ended.get(claim.vmUuid);
      if (ofVm === undefined) ended.set(claim.vmUuid, [claim]);
      else ofVm.push(claim);
    };
    const first = this.#ended.findIndex((claim) => claim.endedAt.ms >= ms);
    if (first >= 0) for (const claim of this.#ended.slice(first)) add(claim);
    for (const claim of this.#ending) if (ttlEndMs(claim) >= ms) add(claim);
    return { live: this.#byVm, ended };
  }

  hadAmnesiaSince(ms: number): boolean {
    return this.#amnesia !== undefined || this.#amnesiaEndedAtMs >= ms;
  }

  managementNodes(): Iterable<KnownManagementNode> {
    return this.#nodes.values();
  }

  managementNode(id: string): KnownManagementNode | undefined {
    return this.#nodes.get(id);
  }

  tombstone(key: ClaimKey): Tombstone | undefined {
    return this.#tombstones.get(claimKey(key));
  }

  tombstones(): Iterable<Tombstone> {
    return this.#tombstones.values();
  }

  floor(vmUuid: VmUuid, managementNodeId: string): VmFloor | undefined {
    return this.#floors.get(floorKey({ vmUuid, managementNodeId }));
  }

  floors(): Iterable<VmFloor> {
    return this.#floors.values();
  }

  /**
   * Applies what was decided; the revision rises once if any claim changed.
   *
   * @returns the claims whose end must become durable before it counts: for `settle`
   */
  apply(changes: readonly Change[]): EndedClaim[] {
    const revision = this.#revision;
    const pending: EndedClaim[] = [];
    let changed = false;
    for (const change of changes) {
      changed = this.#applyOne(change, pending) || changed;
      if (isOfReports(change)) this.#filterRevision += 1;
    }
    if (changed) this.#revision = revision + 1;
    this.#cutMemory();
    return pending;
  }

  /**
   * The end of these claims is durable, or as durable as it will be: it counts from now on, or from
   * the end of their TTL if that came first, for which nothing has to be written.
   */
  settle(claims: readonly EndedClaim[], now: Instant): void {
    let isInOrder = true;
    for (const claim of claims) {
      if (!this.#ending.delete(claim)) continue;
      this.#filterRevision += 1;
      const earlyMs = Math.max(0, now.ms - ttlEndMs(claim));
      const endedAt = { ms: now.ms - earlyMs, wallMs: now.wallMs - earlyMs };
      this.#ended.push({ ...claim, endedAt });
      isInOrder &&= earlyMs === 0;
    }
    // The oldest are forgotten first, and others may have ended meanwhile.
    if (!isInOrder) this.#ended.sort((one, other) => one.endedAt.ms - other.endedAt.ms);
    this.#cutMemory();
  }

  /** Forgets claims that ended before `ms`: no report that is still to be sent began before it. */
  forgetEndedBefore(ms: number): void {
    const first = this.#ended.findIndex((claim) => claim.endedAt.ms >= ms);
    if (first !== 0) this.#ended = first < 0 ? [] : this.#ended.slice(first);
    this.#rememberedFromMs = Math.max(this.#rememberedFromMs, ms);
    this.#filterRevision += 1;
  }

  /** Looks again when the next lease, TTL or amnesia ends; what has ended meanwhile is passed. */
  findNextDeadline(): void {
    let next = this.#amnesia?.endsAtMs ?? Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) {
      if (node.departed === undefined) next = Math.min(next, node.leaseExpiresAtMs);
    }
    for (const { orphan } of this.#orphans.values()) {
      if (orphan !== undefined) next = Math.min(next, orphan.expiresAtMs);
    }
    this.#nextDeadlineMs = next;
  }

  /** @returns whether a claim changed */
  #applyOne(change: Change, pending: EndedClaim[]): boolean {
    switch (change.kind) {
      case "node":
        this.#putNode(change.node);
        return false;
      case "node-forgotten":
        this.#nodes.delete(change.managementNodeId);
        return false;
      case "claimed":
      case "orphaned":
        this.#put(change.claim);
        return true;
      case "ended":
        this.#end(change, pending);
        return true;
      case "tombstone":
        // Laid anew, it is the youngest: eviction goes by this order.
        this.#tombstones.delete(claimKey(change.tombstone));
        this.#tombstones.set(claimKey(change.tombstone), change.tombstone);
        return false;
      case "tombstone-removed":
        this.#tombstones.delete(claimKey(change.tombstone));
        return false;
      case "floor":
        this.#floors.delete(floorKey(change.floor));
        this.#floors.set(floorKey(change.floor), change.floor);
        return false;
      case "floor-removed":
        this.#floors.delete(floorKey(change.floor));
        return false;
      case "stop":
        this.#stops.delete(change.stop.vmUuid);
        this.#stops.set(change.stop.vmUuid, change.stop);
        return false;
      case "stop-forgotten":
        this.#stops.delete(change.vmUuid);
        return false;
      case "amnesia-began":
        this.#amnesia = change.amnesia;
        this.#expect(change.amnesia.endsAtMs);
        return false;
      case "amnesia-ended":
        this.#amnesia = undefined;
        this.#amnesiaEndedAtMs = change.at.ms;
        return false;
      case "list-heard":
        this.#listsHeard.add(change.managementNodeId);
        return false;
      case "listened":
        this.#listenedUntilMs = change.untilMs;
        return false;
      default:
        throw new Error(`unreachable: ${JSON.stringify(change satisfies never)}`);
    }
  }

  #putNode(node: KnownManagementNode): void {
    this.#nodes.set(node.id, node);
    if (node.departed === undefined) this.#expect(node.leaseExpiresAtMs);
  }

  #expect(deadlineMs: number): void {
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineMs);
  }

  #end({ claim, at, cause }: Extract<Change, { kind: "ended" }>, pending: EndedClaim[]): void {
    this.#remove(claim);
    const ended: EndedClaim = { ...claim, endedAt: at, cause };
    if (!isPendingEnd(cause)) {
      this.#ended.push(ended);
      return;
    }
    this.#ending.add(ended);
    pending.push(ended);
  }

  #put(claim: Claim): void {
    const key = keyWithinNode(claim);
    const ofNode = this.#byNode.get(claim.managementNodeId) ?? new Map<string, Claim>();
    if (ofNode.has(key)) this.#remove(claim);
    this.#byNode.set(claim.managementNodeId, ofNode.set(key, claim));
    const ofVm = this.#byVm.get(claim.vmUuid) ?? new Set<Claim>();
    this.#byVm.set(claim.vmUuid, ofVm.add(claim));
    this.#size += 1;
    if (claim.orphan === undefined) return;
    this.#orphans.set(claimKey(claim), claim);
    this.#expect(claim.orphan.expiresAtMs);
  }

  #remove(key: ClaimKey): void {
    const ofNode = this.#byNode.get(key.managementNodeId);
    const claim = ofNode?.get(keyWithinNode(key));
    if (ofNode === undefined || claim === undefined) {
      throw new Error(`cannot end a claim that does not live: ${JSON.stringify(key)}`);
    }
    ofNode.delete(keyWithinNode(key));
    if (ofNode.size === 0) this.#byNode.delete(key.managementNodeId);
    const ofVm = this.#byVm.get(key.vmUuid);
    ofVm?.delete(claim);
    if (ofVm?.size === 0) this.#byVm.delete(key.vmUuid);
    this.#orphans.delete(claimKey(key));
    this.#size -= 1;
  }

  /** Once per change: one by one, a list that ends 20,000 claims would take seconds. */
  #cutMemory(): void {
    const excess = this.#ended.length - this.#endedMax;
    const forgotten = this.#ended[excess - 1];
    if (forgotten === undefined) return;
    this.#ended = this.#ended.slice(excess);
    this.#filterRevision += 1;
    // At the same millisecond others may still be remembered, but not all: so just after it.
    this.#rememberedFromMs = Math.max(this.#rememberedFromMs, forgotten.endedAt.ms + 1);
  }
}
