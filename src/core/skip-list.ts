// The skip list: which claims live, and which ended so recently that a report under way must still
// honour them (G1). State and its one way to change; what is to change is decided in decide.ts.

import type { Instant } from "./instant.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** Which claim; an operation id means something only together with its management node. */
export interface ClaimKey {
  readonly vmUuid: VmUuid;
  readonly managementNodeId: string;
  readonly operationId: string;
}

/** One management node's statement "operation O on VM V is in flight: do not judge V's state". */
export interface Claim extends ClaimKey {
  /** Why, in the management node's words. */
  readonly reason: string;
  readonly orphanTtlSeconds?: number | undefined;
  /** Epoch and sequence of the statement that made it or renewed it last. */
  readonly epoch: number;
  readonly sequence: number;
  readonly madeAt: Instant;
}

/** What a claim says, in a list or alone. */
export interface ClaimStatement {
  readonly vmUuid: VmUuid;
  readonly operationId: string;
  readonly reason: string;
  readonly orphanTtlSeconds?: number | undefined;
}

/** How a claim came to its end. */
export type EndCause = "continued" | "left-out-of-list";

export interface EndedClaim extends Claim {
  readonly endedAt: Instant;
  readonly cause: EndCause;
}

/** Who speaks: every claim and list carries it. */
export interface ManagementNode {
  readonly id: string;
  /** Rises each time the management node's process starts. */
  readonly epoch: number;
  /** Random per process. */
  readonly instance: string;
  readonly sequence: number;
}

/** What must be known of the last list to tell its replay from another list. */
export interface AppliedList {
  readonly sequence: number;
  readonly entries: readonly ClaimStatement[];
  /** Places of the entries that were not applied. */
  readonly refused: readonly number[];
}

export interface KnownManagementNode extends ManagementNode {
  /** The last list of this epoch; undefined before the first. */
  readonly lastList?: AppliedList | undefined;
  readonly lastSeenAt: Instant;
}

/** A change of the state, as data: decided in one place, applied in another. */
export type Change =
  | { readonly kind: "seen"; readonly managementNode: KnownManagementNode }
  | { readonly kind: "forgotten"; readonly managementNodeId: string }
  | { readonly kind: "claimed"; readonly claim: Claim; readonly isNew: boolean }
  | {
      readonly kind: "ended";
      readonly claim: Claim;
      readonly at: Instant;
      readonly cause: EndCause;
    };

/** What decisions may read. */
export interface SkipListView {
  /** Rises with every change of the claims. */
  readonly revision: number;
  readonly size: number;
  /** Moment before which ended claims are no longer remembered. */
  readonly rememberedFromMs: number;
  find(key: ClaimKey): Claim | undefined;
  claimsOn(vmUuid: VmUuid): readonly Claim[];
  claimsOf(managementNodeId: string): readonly Claim[];
  /** Number of live claims of a management node. */
  countOf(managementNodeId: string): number;
  all(): readonly Claim[];
  /** Claims that ended at `ms` or later. */
  endedSince(ms: number): readonly EndedClaim[];
  managementNodes(): readonly KnownManagementNode[];
  managementNode(id: string): KnownManagementNode | undefined;
}

/** Ended claims remembered at most; beyond it the oldest are forgotten and G1 withholds instead. */
export const endedClaimsMax = 40_000;

// Ids hold no control characters, so this cannot join two different pairs into one key.
const keySeparator = "\0";

/** Which claim, among those of one management node. */
export function keyWithinNode({ vmUuid, operationId }: Omit<ClaimKey, "managementNodeId">): string {
  return `${vmUuid}${keySeparator}${operationId}`;
}

export class SkipList implements SkipListView {
  readonly #byNode = new Map<string, Map<string, Claim>>();
  readonly #byVm = new Map<VmUuid, Set<Claim>>();
  readonly #nodes = new Map<string, KnownManagementNode>();
  readonly #endedMax: number;
  #ended: EndedClaim[] = [];
  #rememberedFromMs = Number.NEGATIVE_INFINITY;
  #revision = 0;
  #size = 0;

  constructor(endedMax: number = endedClaimsMax) {
    this.#endedMax = endedMax;
  }

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#size;
  }

  get rememberedFromMs(): number {
    return this.#rememberedFromMs;
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

  all(): readonly Claim[] {
    return [...this.#byVm.values()].flatMap((ofVm) => [...ofVm]);
  }

  endedSince(ms: number): readonly EndedClaim[] {
    const first = this.#ended.findIndex((claim) => claim.endedAt.ms >= ms);
    return first < 0 ? [] : this.#ended.slice(first);
  }

  managementNodes(): readonly KnownManagementNode[] {
    return [...this.#nodes.values()];
  }

  managementNode(id: string): KnownManagementNode | undefined {
    return this.#nodes.get(id);
  }

  /** Applies what was decided; the revision rises once if any claim changed. */
  apply(changes: readonly Change[]): void {
    let changed = false;
    for (const change of changes) changed = this.#applyOne(change) || changed;
    if (changed) this.#revision += 1;
    this.#cutMemory();
  }

  /** Forgets claims that ended before `ms`: no report that is still to be sent began before it. */
  forgetEndedBefore(ms: number): void {
    const first = this.#ended.findIndex((claim) => claim.endedAt.ms >= ms);
    if (first !== 0) this.#ended = first < 0 ? [] : this.#ended.slice(first);
    this.#rememberedFromMs = Math.max(this.#rememberedFromMs, ms);
  }

  #applyOne(change: Change): boolean {
    switch (change.kind) {
      case "seen":
        this.#nodes.set(change.managementNode.id, change.managementNode);
        return false;
      case "forgotten":
        this.#nodes.delete(change.managementNodeId);
        return false;
      case "claimed":
        this.#add(change.claim);
        return true;
      case "ended":
        this.#remove(change.claim);
        this.#ended.push({ ...change.claim, endedAt: change.at, cause: change.cause });
        return true;
      default:
        throw new Error(`unreachable: ${JSON.stringify(change satisfies never)}`);
    }
  }

  #add(claim: Claim): void {
    if (this.find(claim) !== undefined) this.#remove(claim);
    const ofNode = this.#byNode.get(claim.managementNodeId) ?? new Map<string, Claim>();
    this.#byNode.set(claim.managementNodeId, ofNode.set(keyWithinNode(claim), claim));
    const ofVm = this.#byVm.get(claim.vmUuid) ?? new Set<Claim>();
    this.#byVm.set(claim.vmUuid, ofVm.add(claim));
    this.#size += 1;
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
    this.#size -= 1;
  }

  /** Once per `apply`: one by one, a list that ends 20,000 claims would take seconds. */
  #cutMemory(): void {
    const excess = this.#ended.length - this.#endedMax;
    const forgotten = this.#ended[excess - 1];
    if (forgotten === undefined) return;
    this.#ended = this.#ended.slice(excess);
    // At the same millisecond others may still be remembered, but not all: so just after it.
    this.#rememberedFromMs = Math.max(this.#rememberedFromMs, forgotten.endedAt.ms + 1);
  }
}
