// History: pages, filters, retention.

import { describe, expect, test } from "vitest";
import type { StoreBatch } from "../../src/core/records.ts";
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { StoreFolder } from "./folder.ts";
import { batch, entry, vm } from "./records.ts";

const dayMs = 24 * 60 * 60 * 1000;
const nowMs = 1_764_000_000_000;

function entries(from: number, to: number): StoreBatch {
  const history = Array.from({ length: to - from }, (_, index) => entry(from + index));
  return batch({ history });
}

/** A write that only says how late it is. */
function atWallMs(wallMs: number, history: StoreBatch["history"] = []): StoreBatch {
  return batch({ checkpoint: { bootId: "boot-1", bootMs: 0, wallMs }, history });
}

test("pages of any size, one after the other, are the whole history, newest first", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(entries(1, 24));
  for (const limit of [1, 7, 23, 100]) {
    const ids: number[] = [];
    for (;;) {
      const page = await store.history({ limit, before: ids.at(-1) });
      expect(page.length).toBeLessThanOrEqual(limit);
      if (page.length === 0) break;
      ids.push(...page.map(({ id }) => id));
    }
    expect(ids).toEqual(Array.from({ length: 23 }, (_, index) => 23 - index));
  }
});

test("a query is answered with the entries of its VM and its management node alone", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  const [one, other] = [vm(1), vm(2)];
  const history = [
    entry(1, { vmUuid: one, managementNodeId: "mn-1" }),
    entry(2, { vmUuid: one, managementNodeId: "mn-2" }),
    entry(3, { vmUuid: other, managementNodeId: "mn-1" }),
    entry(4, { vmUuid: undefined, managementNodeId: undefined }),
    entry(5, { vmUuid: one, managementNodeId: "mn-1" }),
  ];
  await store.write(batch({ history }));
  const ids = async (query: object) =>
    (await store.history({ limit: 10, ...query })).map(({ id }) => id);
  expect(await ids({})).toEqual([5, 4, 3, 2, 1]);
  expect(await ids({ vmUuid: one })).toEqual([5, 2, 1]);
  expect(await ids({ managementNodeId: "mn-1" })).toEqual([5, 3, 1]);
  expect(await ids({ vmUuid: one, managementNodeId: "mn-1", before: 5 })).toEqual([1]);
  expect(await ids({ vmUuid: vm(9) })).toEqual([]);
});

test("an entry is seen as soon as its write is acknowledged, by a reader that has read before", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  for (let index = 1; index <= 20; index += 1) {
    await store.write(entries(index, index + 1));
    expect((await store.history({ limit: 1 }))[0]?.id).toBe(index);
  }
});

test("a reader that has read before sees what is written after the log was removed", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(entries(1, 2));
  expect(await store.history({ limit: 10 })).toHaveLength(1);
  rmSync(`${folder.file}-wal`);
  for (let index = 2; index <= 4; index += 1) {
    await store.write(entries(index, index + 1));
    const ids = (await store.history({ limit: 10 })).map(({ id }) => id);
    expect(ids).toEqual(Array.from({ length: index }, (_, at) => index - at));
  }
});

test("more entries than are kept push out the oldest, bit by bit, and their ids are not given again", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open({ historyEntriesMax: 1000 });
  await store.write(entries(0, 3000));
  const afterOne = await store.history({ limit: 10_000 });
  // No more than what was appended and a portion of 200 were removed.
  expect(afterOne.length).toBe(1000);
  await store.write(entries(3000, 3001));
  const kept = await store.history({ limit: 10_000 });
  expect(kept.map(({ id }) => id)).toEqual(Array.from({ length: 1000 }, (_, at) => 3001 - at));
});

test("entries that are too old go in portions of 200 a write, the oldest first", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open({ historyDays: 30 });
  const old = Array.from({ length: 500 }, (_, at) => entry(0, { atWallMs: nowMs + at }));
  await store.write(atWallMs(nowMs, [...old, entry(0, { atWallMs: nowMs + dayMs })]));
  const lateMs = nowMs + 30 * dayMs + 1000;
  const lefts: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    await store.write(atWallMs(lateMs));
    lefts.push((await store.history({ limit: 1000 })).length);
  }
  expect(lefts).toEqual([301, 101, 1, 1]);
});

test("an entry of exactly the greatest age is kept", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open({ historyDays: 1 });
  const at = [nowMs - dayMs - 1, nowMs - dayMs, nowMs];
  await store.write(
    atWallMs(
      nowMs,
      at.map((atMs) => entry(0, { atWallMs: atMs })),
    ),
  );
  expect((await store.history({ limit: 10 })).map(({ id }) => id)).toEqual([3, 2]);
});

test("ids are not given again after all entries are gone and the store was opened anew", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open({ historyDays: 1 });
  await store.write(atWallMs(nowMs, [entry(0, { atWallMs: nowMs })]));
  await store.write(atWallMs(nowMs + 3 * dayMs));
  expect(await store.history({ limit: 10 })).toEqual([]);
  await folder.close();
  const { store: next } = await folder.open();
  await next.write(atWallMs(nowMs, [entry(0, { atWallMs: nowMs })]));
  expect((await next.history({ limit: 10 })).map(({ id }) => id)).toEqual([2]);
});

test("what came after an id is read forwards, and is as much as is wanted", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(entries(1, 31));
  const ids = async (after: number, limit: number) =>
    (await store.history({ after, limit })).map(({ id }) => id);
  expect(await ids(3, 4)).toEqual([4, 5, 6, 7]);
  expect(await ids(28, 10)).toEqual([29, 30]);
  expect(await ids(30, 10)).toEqual([]);
});

describe("a write tells the id of the last entry", () => {
  test("that it brought, or that was there", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    expect(await store.write(batch())).toBe(0);
    expect(await store.write(entries(1, 4))).toBe(3);
    expect(await store.write(batch())).toBe(3);
    const together = [entries(4, 6), batch(), entries(6, 7)].map((one) => store.write(one));
    expect(await Promise.all(together)).toEqual([5, 5, 6]);
  });

  test("also when that one is no longer kept", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open({ historyDays: 1 });
    await store.write(atWallMs(nowMs, [entry(0, { atWallMs: nowMs })]));
    expect(await store.write(atWallMs(nowMs + 3 * dayMs))).toBe(1);
    expect(await store.history({ limit: 10 })).toEqual([]);
  });
});

test("a page is found through an index, whatever it asks for", async () => {
  await using folder = new StoreFolder();
  await folder.open();
  await folder.close();
  using database = new DatabaseSync(folder.file);
  const plans = ["vm_uuid = ''", "management_node_id = ''", "id < 5"].map((where) =>
    database.prepare(
      `EXPLAIN QUERY PLAN SELECT * FROM history WHERE ${where} ORDER BY id DESC LIMIT 5`,
    ),
  );
  plans.push(
    database.prepare("EXPLAIN QUERY PLAN SELECT * FROM history WHERE id > 5 ORDER BY id LIMIT 5"),
  );
  for (const plan of plans) {
    const steps = plan.all().map(({ detail }) => String(detail));
    // One search, and no sorting after it.
    expect(steps).toEqual([expect.stringMatching(/^SEARCH history USING/)]);
  }
});
