// What is written is what comes back: every field of every record, in every combination.

import { rmSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { StoreBatch } from "../../src/core/records.ts";
import { databaseFile, logFile } from "../../src/store/files.ts";
import { defaultHistoryRetention } from "../../src/store/history.ts";
import { ReadOnlyStore } from "../../src/store/read-only.ts";
import { StoreWriter } from "../../src/store/writer.ts";
import { StoreFolder } from "./folder.ts";
import {
  batch,
  claim,
  claimBatch,
  comparable,
  entry,
  randomBatches,
  stateAfter,
  vm,
} from "./records.ts";

/** Writes batches, each in a commit of its own, and reads them back at the next start. */
async function stateWrittenBy(written: readonly StoreBatch[]) {
  await using folder = new StoreFolder();
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreWriter(options);
  writer.begin();
  for (const one of written) expect(writer.write([one]).failures).toEqual([undefined]);
  writer.close();
  const next = new StoreWriter(options);
  const { past } = next.begin();
  next.close();
  using reader = ReadOnlyStore.open(folder.path);
  return { past, history: reader.history({ limit: 1000 }) };
}

test("a store holds what a map of rows holds after the same batches, and its history in order", async () => {
  // A run that is over writes no more: the agent epoch never falls.
  const runs = fc.array(randomBatches, { minLength: 1, maxLength: 6 }).map((batches) => {
    return batches.toSorted((one, other) => one.run.agentEpoch - other.run.agentEpoch);
  });
  await fc.assert(
    fc.asyncProperty(runs, async (written) => {
      const { past, history } = await stateWrittenBy(written);
      expect(past.amnesiaReason).toBeUndefined();
      expect(comparable(past.state)).toEqual(comparable(stateAfter(written)));
      const entries = written.flatMap((one) => one.history);
      const numbered = entries.map((one, index) => ({ ...one, id: index + 1 }));
      expect(history).toEqual(numbered.toReversed());
    }),
    { numRuns: 60 },
  );
});

test("a tombstone that is laid anew is the youngest: they come back in the order of laying", async () => {
  const stones = [1, 2, 3].map((index) => ({
    vmUuid: vm(index),
    managementNodeId: "mn-1",
    operationId: "op",
    kind: "continued" as const,
    upTo: { epoch: 1, sequence: index },
    at: { ms: 5, wallMs: 5 },
  }));
  const [first, second, third] = stones;
  if (!first || !second || !third) throw new Error("three were made");
  const { past } = await stateWrittenBy([
    batch({ tombstones: { put: [first, second, third], remove: [] } }),
    batch({ tombstones: { put: [first], remove: [] } }),
  ]);
  expect(past.state?.tombstones).toEqual([second, third, first]);
});

test("a run after which another has written is refused, whatever became of its lock", async () => {
  await using folder = new StoreFolder();
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreWriter(options);
  writer.begin();
  const [earlier, later] = [7, 8].map((agentEpoch) => {
    return { ...claimBatch(agentEpoch), run: { storeId: "store-1", agentEpoch } };
  });
  if (!earlier || !later) throw new Error("two were made");
  expect(writer.write([earlier]).failures).toEqual([undefined]);
  expect(writer.write([later]).failures).toEqual([undefined]);
  const [failure] = writer.write([earlier]).failures;
  expect(failure).toMatchObject({ code: "failed", message: expect.stringContaining("another") });
  writer.close();
});

test("a log that is removed while it is written loses nothing", async () => {
  await using folder = new StoreFolder();
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreWriter(options);
  writer.begin();
  expect(writer.write([claimBatch(1)]).failures).toEqual([undefined]);
  rmSync(logFile(databaseFile(folder.path)));
  expect(writer.write([claimBatch(2)]).failures).toEqual([undefined]);
  expect(writer.write([claimBatch(3)]).failures).toEqual([undefined]);
  // As after kill -9: the writer is not closed, and what it has open is not looked at.
  using reader = ReadOnlyStore.open(folder.path);
  expect(reader.state()?.claims).toHaveLength(3);
  writer.close();
});

test("a batch is written whole or not at all: one bad row leaves nothing of it", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  const bad = batch({
    claims: { put: [claim(2), claim(3, { sequence: 1.5 })], remove: [claim(1)] },
    history: [entry(2)],
  });
  await expect(store.write(bad)).rejects.toMatchObject({ code: "failed" });
  await store.write(claimBatch(4));
  await folder.close();
  const { past } = await folder.open();
  expect(comparable(past.state)).toEqual(comparable(stateAfter([claimBatch(1), claimBatch(4)])));
});

test("a bad batch in a group fails alone", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  const bad = batch({ claims: { put: [claim(9, { sequence: Number.NaN })], remove: [] } });
  const written = [claimBatch(1), claimBatch(2), bad, claimBatch(3)];
  const outcomes = await Promise.allSettled(written.map((one) => store.write(one)));
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(store.statistics).toMatchObject({ batches: 3, failures: 1 });
});

test("64 writes at once share a few commits, and are all there", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  const written = Array.from({ length: 64 }, (_, index) => claimBatch(index));
  await Promise.all(written.map((one) => store.write(one)));
  expect(store.statistics.batches).toBe(64);
  expect(store.statistics.commits).toBeLessThanOrEqual(4);
  await folder.close();
  const { past } = await folder.open();
  expect(past.state?.claims).toHaveLength(64);
});

test("10,000 live claims are found again; how fast is for the bench to say", async () => {
  await using folder = new StoreFolder();
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreWriter(options);
  writer.begin();
  const claims = Array.from({ length: 10_000 }, (_, index) => claim(index));
  const history = claims.map((_, index) => entry(index));
  writer.write([batch({ claims: { put: claims, remove: [] }, history })]);
  writer.close();
  const next = new StoreWriter(options);
  expect(next.begin().past.state?.claims).toHaveLength(10_000);
  next.close();
});
