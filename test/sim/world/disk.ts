// A disk of which only what was committed survives. A write becomes durable at one moment, whole;
// it is acknowledged at a later one, and the agent may die before, between and after.

import { StoreFailure, type StoreFailureCode } from "../../../src/agent/ports.ts";
import type { Store } from "../../../src/agent/ports.ts";
import { type Claim, claimKey } from "../../../src/core/claim.ts";
import type { HistoryQuery, StoredHistoryEntry } from "../../../src/core/history.ts";
import type { NodeRecord, StoreBatch, StoredState } from "../../../src/core/records.ts";
import type { Stop } from "../../../src/core/stop.ts";
import { floorKey, type Tombstone, type VmFloor } from "../../../src/core/tombstone.ts";
import type { Random } from "../random.ts";
import type { Pausable, Scheduler } from "./scheduler.ts";

/** What is on the disk, replaced as a whole by each commit. */
interface Rows {
  readonly head: Pick<StoredState, "run" | "checkpoint" | "amnesia">;
  readonly nodes: Map<string, NodeRecord>;
  readonly claims: Map<string, Claim>;
  readonly tombstones: Map<string, Tombstone>;
  readonly floors: Map<string, VmFloor>;
  readonly stops: Map<string, Stop>;
}

export interface DiskWorld {
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** Mean time of a write. */
const writeMsMean = 4;

export class SimulatedDisk {
  readonly #world: DiskWorld;
  #rows: Rows | undefined;
  #history: StoredHistoryEntry[] = [];
  #historyId = 0;
  #failsUntilMs = 0;
  #failureCode: StoreFailureCode = "full";
  #slowUntilMs = 0;
  #slowMs = 0;
  /** Last moment at which a write failed or was slow. */
  troubledUntilMs = Number.NEGATIVE_INFINITY;

  constructor(world: DiskWorld) {
    this.#world = world;
  }

  get isFailing(): boolean {
    return this.#failsUntilMs > this.#world.scheduler.nowMs;
  }

  /** Refuses writes for a while. */
  fail(code: StoreFailureCode, forMs: number): void {
    this.#failureCode = code;
    this.#failsUntilMs = this.#world.scheduler.nowMs + forMs;
    this.troubledUntilMs = Math.max(this.troubledUntilMs, this.#failsUntilMs);
  }

  /** Takes up to `eachMs` for each write for a while. */
  slowDown(eachMs: number, forMs: number): void {
    this.#slowMs = eachMs;
    this.#slowUntilMs = this.#world.scheduler.nowMs + forMs;
    this.troubledUntilMs = Math.max(this.troubledUntilMs, this.#slowUntilMs + eachMs);
  }

  heal(): void {
    this.#failsUntilMs = 0;
    this.#slowUntilMs = 0;
  }

  wholeHistory(): readonly StoredHistoryEntry[] {
    return this.#history;
  }

  lose(): void {
    this.#rows = undefined;
    this.#history = [];
  }

  /** What a start finds. */
  load(): StoredState | undefined {
    return this.#rows && stateOf(this.#rows);
  }

  /** A copy that `restore` takes back. */
  backup(): () => void {
    const rows = this.#rows && copied(this.#rows);
    const history = [...this.#history];
    return () => {
      this.#rows = rows && copied(rows);
      this.#history = [...history];
    };
  }

  /**
   * The disk as one process uses it.
   *
   * @param isAlive false once that process is dead: what it has not committed is lost
   */
  openFor(owner: Pausable, isAlive: () => boolean): Store {
    return {
      write: (batch) => this.#write(batch, owner, isAlive),
      history: async (query) => this.#read(query),
    };
  }

  #write(batch: StoreBatch, owner: Pausable, isAlive: () => boolean): Promise<number> {
    const { scheduler } = this.#world;
    const random = this.#world.random.at(scheduler.nowMs);
    const isSlow = this.#slowUntilMs > scheduler.nowMs;
    const commitMs = isSlow
      ? random.between(0, this.#slowMs)
      : random.exponential(writeMsMean) + 0.1;
    const acknowledgeMs =
      commitMs + (isSlow ? random.between(0, this.#slowMs) : random.exponential(2));
    return new Promise((resolve, reject) => {
      let failure: StoreFailure | undefined;
      let lastId = 0;
      const commit = (): void => {
        if (!isAlive()) return;
        if (this.isFailing) failure = failureOf(this.#failureCode);
        else lastId = this.#commit(batch);
      };
      scheduler.at(scheduler.nowMs + commitMs, commit, undefined, true);
      const acknowledge = (): void => {
        if (!isAlive()) return;
        if (failure === undefined) resolve(lastId);
        else reject(failure);
      };
      scheduler.after(acknowledgeMs, acknowledge, owner);
    });
  }

  #commit(batch: StoreBatch): number {
    const { run, checkpoint, amnesia } = batch;
    const head = { run, checkpoint, amnesia };
    const rows = this.#rows ?? emptyRows(head);
    const { nodes, claims, tombstones, floors, stops } = rows;
    for (const id of batch.nodes.remove) nodes.delete(id);
    for (const node of batch.nodes.put) nodes.set(node.id, node);
    for (const key of batch.claims.remove) claims.delete(claimKey(key));
    for (const claim of batch.claims.put) claims.set(claimKey(claim), claim);
    for (const key of batch.tombstones.remove) tombstones.delete(claimKey(key));
    for (const tombstone of batch.tombstones.put) tombstones.set(claimKey(tombstone), tombstone);
    for (const key of batch.floors.remove) floors.delete(floorKey(key));
    for (const floor of batch.floors.put) floors.set(floorKey(floor), floor);
    for (const vmUuid of batch.stops.remove) stops.delete(vmUuid);
    for (const stop of batch.stops.put) {
      stops.delete(stop.vmUuid);
      stops.set(stop.vmUuid, stop);
    }
    for (const entry of batch.history) {
      this.#historyId += 1;
      this.#history.push({ ...entry, id: this.#historyId });
    }
    this.#rows = { ...rows, head };
    return this.#historyId;
  }

  #read(query: HistoryQuery): StoredHistoryEntry[] {
    const { vmUuid, managementNodeId, before, after, limit } = query;
    const wanted = this.#history
      .filter((entry) => vmUuid === undefined || entry.vmUuid === vmUuid)
      .filter(
        (entry) => managementNodeId === undefined || entry.managementNodeId === managementNodeId,
      )
      .filter((entry) => before === undefined || entry.id < before)
      .filter((entry) => after === undefined || entry.id > after);
    return (after === undefined ? wanted.toReversed() : wanted).slice(0, limit);
  }
}

function failureOf(code: StoreFailureCode): StoreFailure {
  return new StoreFailure(code, `cannot write the store: the simulated disk is ${code}`);
}

function emptyRows(head: Rows["head"]): Rows {
  return {
    head,
    nodes: new Map(),
    claims: new Map(),
    tombstones: new Map(),
    floors: new Map(),
    stops: new Map(),
  };
}

function copied({ head, nodes, claims, tombstones, floors, stops }: Rows): Rows {
  return {
    head,
    nodes: new Map(nodes),
    claims: new Map(claims),
    tombstones: new Map(tombstones),
    floors: new Map(floors),
    stops: new Map(stops),
  };
}

function stateOf({ head, nodes, claims, tombstones, floors, stops }: Rows): StoredState {
  return {
    ...head,
    nodes: [...nodes.values()],
    claims: [...claims.values()],
    tombstones: [...tombstones.values()],
    floors: [...floors.values()],
    stops: [...stops.values()],
  };
}
