// Which rows of the store are behind the state. A batch carries rows as they stand when it is made,
// not the steps that led there: so a write that failed is made good by the next one, and one whose
// failure was only apparent is simply written over.

import type { Change } from "../core/change.ts";
import { type ClaimKey, claimKey } from "../core/claim.ts";
import type { HistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import type { KnownManagementNode } from "../core/management-node.ts";
import type { NodeRecord, RowChanges, StoreBatch, VmFloorKey } from "../core/records.ts";
import type { SkipListView } from "../core/skip-list.ts";
import { floorKey } from "../core/tombstone.ts";
import type { VmUuid } from "../core/vm-uuid.ts";

/** Entries of the history that wait for a disk that takes none; beyond it the oldest are dropped. */
export const waitingHistoryMax = 20_000;

/** Keys of rows, by kind. */
interface Keys {
  readonly nodes: Set<string>;
  readonly claims: Map<string, ClaimKey>;
  readonly tombstones: Map<string, ClaimKey>;
  readonly floors: Map<string, VmFloorKey>;
  readonly stops: Set<VmUuid>;
}

/** What one batch took along; given back if it failed. */
export interface Taken {
  readonly keys: Keys;
  readonly history: readonly HistoryEntry[];
}

function noKeys(): Keys {
  return {
    nodes: new Set(),
    claims: new Map(),
    tombstones: new Map(),
    floors: new Map(),
    stops: new Set(),
  };
}

export class DirtyRows {
  #keys = noKeys();
  #history: HistoryEntry[] = [];
  #isAmnesiaDirty = false;

  /** Whether a claim's row is behind. */
  hasClaim(key: ClaimKey): boolean {
    return this.#keys.claims.has(claimKey(key));
  }

  get isEmpty(): boolean {
    const { nodes, claims, tombstones, floors, stops } = this.#keys;
    const rows = nodes.size + claims.size + tombstones.size + floors.size + stops.size;
    return rows === 0 && this.#history.length === 0 && !this.#isAmnesiaDirty;
  }

  /** Marks what changes touch. */
  mark(changes: readonly Change[]): void {
    for (const change of changes) this.#markOne(change);
  }

  /** Entries that the next batch brings to the history. */
  note(entries: readonly HistoryEntry[], now: Instant): void {
    this.#history.push(...entries.slice(-waitingHistoryMax));
    this.#cutHistory(now);
  }

  /** The rows as they stand now, and all of them from now on clean. */
  take(
    state: SkipListView,
    head: Pick<StoreBatch, "run" | "checkpoint">,
    now: Instant,
  ): { batch: StoreBatch; taken: Taken } {
    const taken = { keys: this.#keys, history: this.#history };
    this.#keys = noKeys();
    this.#history = [];
    this.#isAmnesiaDirty = false;
    const { nodes, claims, tombstones, floors, stops } = taken.keys;
    const batch: StoreBatch = {
      ...head,
      amnesia: state.amnesia,
      nodes: split(nodes, (id) => {
        const node = state.managementNode(id);
        return node && nodeRecord(node, now);
      }),
      claims: split(claims.values(), (key) => state.find(key)),
      tombstones: split(tombstones.values(), (key) => state.tombstone(key)),
      floors: split(floors.values(), (key) => state.floor(key.vmUuid, key.managementNodeId)),
      stops: split(stops, (vmUuid) => state.stops.get(vmUuid)),
      history: taken.history,
    };
    return { batch, taken };
  }

  /** A batch was not written: what it took is behind still. */
  giveBack({ keys, history }: Taken, now: Instant): void {
    for (const id of keys.nodes) this.#keys.nodes.add(id);
    for (const [key, value] of keys.claims) this.#keys.claims.set(key, value);
    for (const [key, value] of keys.tombstones) this.#keys.tombstones.set(key, value);
    for (const [key, value] of keys.floors) this.#keys.floors.set(key, value);
    for (const vmUuid of keys.stops) this.#keys.stops.add(vmUuid);
    this.#history = [...history, ...this.#history];
    this.#isAmnesiaDirty = true;
    this.#cutHistory(now);
  }

  #markOne(change: Change): void {
    const { nodes, claims, tombstones, floors, stops } = this.#keys;
    switch (change.kind) {
      case "node":
        nodes.add(change.node.id);
        return;
      case "node-forgotten":
        nodes.add(change.managementNodeId);
        return;
      case "claimed":
      case "orphaned":
      case "ended":
        claims.set(claimKey(change.claim), change.claim);
        return;
      case "tombstone":
      case "tombstone-removed":
        tombstones.set(claimKey(change.tombstone), change.tombstone);
        return;
      case "floor":
      case "floor-removed":
        floors.set(floorKey(change.floor), change.floor);
        return;
      case "stop":
        stops.add(change.stop.vmUuid);
        return;
      case "stop-forgotten":
        stops.add(change.vmUuid);
        return;
      case "amnesia-began":
      case "amnesia-ended":
        this.#isAmnesiaDirty = true;
        return;
      case "list-heard":
      case "listened":
        return;
      default:
        throw new Error(`unreachable: ${JSON.stringify(change satisfies never)}`);
    }
  }

  #cutHistory(now: Instant): void {
    const excess = this.#history.length - waitingHistoryMax;
    if (excess <= 0) return;
    this.#history = this.#history.slice(excess + 1);
    const detail = "the disk took no entries for too long, the oldest were dropped";
    const lost: HistoryEntry = { atWallMs: now.wallMs, kind: "history-lost", by: "agent", detail };
    this.#history.unshift(lost);
  }
}

/** A management node as it is kept: with what is left of its lease. */
export function nodeRecord(node: KnownManagementNode, now: Instant): NodeRecord {
  const { leaseExpiresAtMs, ...kept } = node;
  const leftMs = node.departed === undefined ? Math.max(0, leaseExpiresAtMs - now.ms) : 0;
  return { ...kept, leaseRemainingMs: leftMs };
}

/** Rows that are there are put; the others are removed. */
function split<Key, Row>(
  keys: Iterable<Key>,
  find: (key: Key) => Row | undefined,
): RowChanges<Row, Key> {
  const put: Row[] = [];
  const remove: Key[] = [];
  for (const key of keys) {
    const row = find(key);
    if (row === undefined) remove.push(key);
    else put.push(row);
  }
  return { put, remove };
}
