// A store in memory: batches are applied whole or not at all, and a test decides when they are
// acknowledged, whether they are refused, and when the next run starts from what was written.

import { type Store, StoreFailure, type StoreFailureCode } from "../../src/agent/ports.ts";
import type { Past } from "../../src/agent/start.ts";
import { claimKey } from "../../src/core/claim.ts";
import type { HistoryQuery, StoredHistoryEntry } from "../../src/core/history.ts";
import type { StoreBatch, StoredState } from "../../src/core/records.ts";
import { floorKey } from "../../src/core/tombstone.ts";

export class MemoryStore implements Store {
  /** What was written, oldest first. */
  readonly batches: StoreBatch[] = [];
  /** Writes that were begun, refused ones among them. */
  writes = 0;
  #state: StoredState | undefined;
  #history: readonly StoredHistoryEntry[] = [];
  #failure: StoreFailureCode | undefined;
  #failuresLeft = 0;
  #held: PromiseWithResolvers<void> | undefined;
  #waiting = 0;

  /** @param state what the store holds at first; undefined: nothing, it is new */
  constructor(state?: StoredState) {
    this.#state = state;
  }

  /** Every write fails from now on, or the next few; undefined: none does. */
  failWith(code: StoreFailureCode | undefined, writes = Number.POSITIVE_INFINITY): void {
    this.#failure = code;
    this.#failuresLeft = writes;
  }

  /** Writes that begin from now on wait for `release`, and nothing of them is written before. */
  hold(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  /** Lets those that wait go on, and others no longer wait. They fail if they are told to by then. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Writes that are held. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What the next run starts from, as a store that is intact gives it. */
  get past(): Past {
    return this.#state === undefined
      ? { amnesiaReason: "new-store" }
      : { state: structuredClone(this.#state) };
  }

  /** The store as it is on the disk, for the next run; writes that are under way never get there. */
  restarted(): MemoryStore {
    const next = new MemoryStore(structuredClone(this.#state));
    next.#history = this.#history;
    return next;
  }

  async write(batch: StoreBatch): Promise<number> {
    this.writes += 1;
    if (this.#held !== undefined) {
      this.#waiting += 1;
      await this.#held.promise;
      this.#waiting -= 1;
    }
    if (this.#failure !== undefined && this.#failuresLeft > 0) {
      this.#failuresLeft -= 1;
      throw new StoreFailure(this.#failure, `cannot write: made up (${this.#failure})`);
    }
    this.batches.push(batch);
    this.#state = applied(this.#state, batch);
    const entries = batch.history.map((entry, index) => {
      return { ...entry, id: this.#history.length + index + 1 };
    });
    this.#history = [...this.#history, ...entries];
    return this.#history.length;
  }

  async history(query: HistoryQuery): Promise<readonly StoredHistoryEntry[]> {
    const { vmUuid, managementNodeId, before, after, limit } = query;
    const wanted = this.#history.filter((entry) => {
      if (vmUuid !== undefined && entry.vmUuid !== vmUuid) return false;
      if (managementNodeId !== undefined && entry.managementNodeId !== managementNodeId) {
        return false;
      }
      if (after !== undefined && entry.id <= after) return false;
      return before === undefined || entry.id < before;
    });
    if (after !== undefined) return wanted.slice(0, limit);
    return wanted.toReversed().slice(0, limit);
  }
}

/** What an intact store holds that nobody has written a claim to: no amnesia follows. */
export function emptyPast(bootId: string): { readonly state: StoredState } {
  const state: StoredState = {
    run: { storeId: "store-1", agentEpoch: 0 },
    checkpoint: { bootId, bootMs: 0, wallMs: 0 },
    amnesia: undefined,
    nodes: [],
    claims: [],
    tombstones: [],
    floors: [],
    stops: [],
  };
  return { state };
}

/** What a store holds after a batch. */
export function applied(state: StoredState | undefined, batch: StoreBatch): StoredState {
  const { run, checkpoint, amnesia } = batch;
  return {
    run,
    checkpoint,
    amnesia,
    nodes: rows(
      state?.nodes,
      batch.nodes,
      ({ id }) => id,
      (id) => id,
    ),
    claims: rows(state?.claims, batch.claims, claimKey, claimKey),
    tombstones: rows(state?.tombstones, batch.tombstones, claimKey, claimKey),
    floors: rows(state?.floors, batch.floors, floorKey, floorKey),
    stops: rows(
      state?.stops,
      batch.stops,
      ({ vmUuid }) => vmUuid,
      (vmUuid) => vmUuid,
    ),
  };
}

/** Rows after some were put, which makes them the youngest, and some removed. */
function rows<Row, Key>(
  before: readonly Row[] | undefined,
  changes: { readonly put: readonly Row[]; readonly remove: readonly Key[] },
  keyOfRow: (row: Row) => string,
  keyOf: (key: Key) => string,
): readonly Row[] {
  if (before !== undefined && changes.put.length + changes.remove.length === 0) return before;
  const after = new Map((before ?? []).map((row) => [keyOfRow(row), row]));
  for (const key of changes.remove) after.delete(keyOf(key));
  for (const row of changes.put) {
    after.delete(keyOfRow(row));
    after.set(keyOfRow(row), row);
  }
  return [...after.values()];
}
