// Records for the tests of the store: plain ones, random ones, and what a store must hold after them.

import * as fc from "fast-check";
import { amnesiaReasons } from "../../src/core/amnesia.ts";
import { type Claim, type ClaimKey, claimKey, orphanCauses } from "../../src/core/claim.ts";
import { type HistoryEntry, historyKinds } from "../../src/core/history.ts";
import type { Instant } from "../../src/core/instant.ts";
import { departureCauses } from "../../src/core/management-node.ts";
import type {
  NodeRecord,
  RowChanges,
  StoreBatch,
  StoredState,
  VmFloorKey,
} from "../../src/core/records.ts";
import { refusalCodes } from "../../src/core/refusal.ts";
import { type Stop, stopCauses } from "../../src/core/stop.ts";
import {
  floorKey,
  type Tombstone,
  tombstoneKinds,
  type VmFloor,
} from "../../src/core/tombstone.ts";

export function vm(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`;
}

const at: Instant = { ms: 1000.5, wallMs: 1_764_000_000_000 };
const nothing = { put: [], remove: [] };

const checkpoint = { bootId: "boot-1", bootMs: 2000.25, wallMs: 1_764_000_001_000 };
const run = { storeId: "store-1", agentEpoch: 1 };

/** A batch that says nothing but what it is given. */
export function batch(of: Partial<StoreBatch> = {}): StoreBatch {
  return {
    run,
    checkpoint,
    amnesia: undefined,
    nodes: nothing,
    claims: nothing,
    tombstones: nothing,
    floors: nothing,
    stops: nothing,
    history: [],
    ...of,
  };
}

export function claim(index: number, of: Partial<Claim> = {}): Claim {
  return {
    vmUuid: vm(index),
    managementNodeId: `mn-${index % 4}`,
    operationId: `op-${index}`,
    reason: "start",
    epoch: 1,
    sequence: index,
    madeAt: at,
    ...of,
  };
}

/** A batch that puts one claim, with its history. */
export function claimBatch(index: number): StoreBatch {
  return batch({ claims: { put: [claim(index)], remove: [] }, history: [entry(index)] });
}

export function entry(index: number, of: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    atWallMs: checkpoint.wallMs + index,
    kind: "claim-made",
    vmUuid: vm(index),
    managementNodeId: `mn-${index % 4}`,
    operationId: `op-${index}`,
    by: `mn-${index % 4}`,
    ...of,
  };
}

/** Rows after some were put, which makes them the youngest, and some removed. */
function after<Row, Key>(
  rows: readonly Row[],
  { put, remove }: RowChanges<Row, Key>,
  keyOf: (of: Row | Key) => string,
): Row[] {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const key of remove) byKey.delete(keyOf(key));
  for (const row of put) {
    byKey.delete(keyOf(row));
    byKey.set(keyOf(row), row);
  }
  return [...byKey.values()];
}

const emptyRows = { nodes: [], claims: [], tombstones: [], floors: [], stops: [] };

function stateAfterOne(state: StoredState | undefined, written: StoreBatch): StoredState {
  const rows = state ?? emptyRows;
  return {
    run: written.run,
    checkpoint: written.checkpoint,
    amnesia: written.amnesia,
    nodes: after<NodeRecord, string>(rows.nodes, written.nodes, (of) =>
      typeof of === "string" ? of : of.id,
    ),
    claims: after<Claim, ClaimKey>(rows.claims, written.claims, claimKey),
    tombstones: after<Tombstone, ClaimKey>(rows.tombstones, written.tombstones, claimKey),
    floors: after<VmFloor, VmFloorKey>(rows.floors, written.floors, floorKey),
    stops: after<Stop, string>(rows.stops, written.stops, (of) =>
      typeof of === "string" ? of : of.vmUuid,
    ),
  };
}

/** What a store holds after batches; undefined before the first. */
export function stateAfter(written: readonly StoreBatch[]): StoredState | undefined {
  return written.reduce<StoredState | undefined>(stateAfterOne, undefined);
}

/** For comparing: claims and nodes have no order. */
export function comparable(state: StoredState | undefined): StoredState | undefined {
  if (state === undefined) return undefined;
  return {
    ...state,
    nodes: state.nodes.toSorted((one, other) => compare(one.id, other.id)),
    claims: state.claims.toSorted((one, other) => compare(claimKey(one), claimKey(other))),
  };
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

// Few keys, so that random batches meet; odd characters, so that none is special.
const vmUuids = fc.constantFrom(...[1, 2, 3].map(vm));
const nodeIds = fc.constantFrom("mn-1", 'ζ\'s "node"', "NULL", "%");
const operationIds = fc.constantFrom("op-1", "op;--", "操作", "0");
const texts = fc.string({ unit: "grapheme", maxLength: 12 });
const counters = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const times = fc.double({ noNaN: true, noDefaultInfinity: true }).map((ms) => ms + 0);
const instants: fc.Arbitrary<Instant> = fc.record({ ms: times, wallMs: times });
const places = fc.record({ epoch: counters, sequence: counters });
const claimKeys: fc.Arbitrary<ClaimKey> = fc.record({
  vmUuid: vmUuids,
  managementNodeId: nodeIds,
  operationId: operationIds,
});

function optional<T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(of, { nil: undefined });
}

const claims: fc.Arbitrary<Claim> = fc
  .record({
    key: claimKeys,
    place: places,
    reason: texts,
    orphanTtlSeconds: optional(fc.integer({ min: 1, max: 86_400 })),
    madeAt: instants,
    orphan: optional(
      fc.record({
        cause: fc.constantFrom(...orphanCauses),
        since: instants,
        ttlSeconds: fc.integer({ min: 1, max: 86_400 }),
        expiresAtMs: times,
      }),
    ),
  })
  .map(({ key, place, ...rest }) => ({ ...key, ...place, ...rest }));

const nodes: fc.Arbitrary<NodeRecord> = fc
  .record({
    id: nodeIds,
    place: places,
    instance: texts,
    lastList: optional(
      fc.record({
        sequence: counters,
        digest: texts,
        refused: fc.array(fc.record({ place: fc.nat(), code: fc.constantFrom(...refusalCodes) }), {
          maxLength: 3,
        }),
      }),
    ),
    leaseSeconds: fc.integer({ min: 10, max: 3600 }),
    orphanTtlSeconds: optional(fc.integer({ min: 1, max: 86_400 })),
    lastSeenAt: instants,
    leaseRemainingMs: times,
    graceUsedMs: times,
    departed: optional(fc.record({ cause: fc.constantFrom(...departureCauses), at: instants })),
    floor: optional(places),
  })
  .map(({ place, ...rest }) => ({ ...place, ...rest }));

const tombstones: fc.Arbitrary<Tombstone> = fc
  .record({
    key: claimKeys,
    isAnyOwners: fc.boolean(),
    kind: fc.constantFrom(...tombstoneKinds),
    upTo: places,
    at: instants,
  })
  .map(({ key, isAnyOwners, ...rest }) => {
    const managementNodeId = isAnyOwners ? "" : key.managementNodeId;
    return { ...key, managementNodeId, ...rest };
  });

const floors: fc.Arbitrary<VmFloor> = fc.record({
  vmUuid: vmUuids,
  managementNodeId: nodeIds,
  upTo: places,
  at: instants,
});

const stops: fc.Arbitrary<Stop> = fc.record({
  vmUuid: vmUuids,
  cause: optional(fc.constantFrom(...stopCauses)),
  at: instants,
  isAcknowledged: fc.boolean(),
  said: fc.array(texts, { maxLength: 3 }),
});

const historyEntries: fc.Arbitrary<HistoryEntry> = fc.record({
  atWallMs: times.map((ms) => Math.abs(ms)),
  kind: fc.constantFrom(...historyKinds),
  vmUuid: optional(vmUuids),
  managementNodeId: optional(nodeIds),
  operationId: optional(operationIds),
  cause: optional(texts),
  by: texts,
  detail: optional(texts),
});

function changes<Row, Key>(
  rows: fc.Arbitrary<Row>,
  keys: fc.Arbitrary<Key>,
): fc.Arbitrary<RowChanges<Row, Key>> {
  return fc.record({
    put: fc.array(rows, { maxLength: 4 }),
    remove: fc.array(keys, { maxLength: 3 }),
  });
}

export const randomBatches: fc.Arbitrary<StoreBatch> = fc.record({
  run: fc.record({ storeId: texts, agentEpoch: counters }),
  // Nothing of the history is too old for it.
  checkpoint: fc.record({ bootId: texts, bootMs: times, wallMs: fc.constant(0) }),
  amnesia: optional(
    fc.record({ reason: fc.constantFrom(...amnesiaReasons), since: instants, endsAtMs: times }),
  ),
  nodes: changes(nodes, nodeIds),
  claims: changes(claims, claimKeys),
  tombstones: changes(tombstones, claimKeys),
  floors: changes(floors, fc.record({ vmUuid: vmUuids, managementNodeId: nodeIds })),
  stops: changes(stops, vmUuids),
  history: fc.array(historyEntries, { maxLength: 4 }),
});
