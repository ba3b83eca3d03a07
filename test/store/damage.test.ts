// Damage: whatever is in the place of the store, it is set aside as it was found, and never an end.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { defaultHistoryRetention } from "../../src/store/history.ts";
import { StoreWriter } from "../../src/store/writer.ts";
import { StoreFolder } from "./folder.ts";
import { batch, claim, claimBatch, comparable, entry, stateAfter } from "./records.ts";

const pageBytes = 4096;

/** A store at rest of some 50 pages. */
async function writtenStore(): Promise<StoreFolder> {
  const folder = new StoreFolder();
  const { store } = await folder.open();
  const claims = Array.from({ length: 300 }, (_, index) => claim(index));
  const history = claims.map((_, index) => entry(index));
  await store.write(batch({ claims: { put: claims, remove: [] }, history }));
  await folder.close();
  return folder;
}

/** Starts on what is there, writes, and starts again; fails if the start does. */
function startOn(folder: StoreFolder) {
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreWriter(options);
  const { past } = writer.begin();
  const { failures } = writer.write([claimBatch(1)]);
  writer.close();
  const next = new StoreWriter(options);
  const { past: nextPast } = next.begin();
  next.close();
  return { past, failures, nextPast };
}

function setAside(folder: StoreFolder): string[] {
  return folder.names.filter((name) => name.includes(".damaged-"));
}

/** Asserts that bytes were set aside as they were found, and that a new store works in their place. */
function checkSetAside(folder: StoreFolder, bytes: Buffer): string {
  const { past, failures, nextPast } = startOn(folder);
  expect(past.amnesiaReason).toBe("damaged-store");
  expect(past.state).toBeUndefined();
  const [name = "", ...more] = setAside(folder).filter((one) => !/-(wal|shm)$/.test(one));
  expect(more).toEqual([]);
  expect(name).toMatch(/^store\.db\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$/);
  expect(past.amnesiaReason && past.detail).toContain(name);
  expect(readFileSync(path.join(folder.path, name)).equals(bytes)).toBe(true);
  expect(failures).toEqual([undefined]);
  expect(comparable(nextPast.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
  return past.detail ?? "";
}

describe("is set aside, and a new store begun:", () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["a text file", () => Buffer.from("this is no database\n".repeat(500))],
    [
      "a header of garbage",
      (bytes) => Buffer.concat([Buffer.alloc(100, 0xa5), bytes.subarray(100)]),
    ],
    [
      "a first page of garbage",
      (bytes) => Buffer.concat([Buffer.alloc(pageBytes, 7), bytes.subarray(pageBytes)]),
    ],
    ["a page of garbage", (bytes) => Buffer.from(bytes).fill(0xa5, 5 * pageBytes, 6 * pageBytes)],
    ["a page of zeros", (bytes) => Buffer.from(bytes).fill(0, 9 * pageBytes, 10 * pageBytes)],
    ["a file without its last page", (bytes) => bytes.subarray(0, -pageBytes)],
    ["a file cut within the first page", (bytes) => bytes.subarray(0, 50)],
    ["a single byte", () => Buffer.from("S")],
  ])("%s", async (_, damage) => {
    await using folder = await writtenStore();
    const bytes = damage(readFileSync(folder.file));
    writeFileSync(folder.file, bytes);
    expect(checkSetAside(folder, bytes)).toContain("was damaged");
  });

  test.each([
    "DROP TABLE claims",
    "DROP TABLE meta",
    "DROP TABLE history",
    "DELETE FROM meta",
    "UPDATE claims SET vm_uuid = 'no uuid' WHERE sequence = 7",
    "UPDATE claims SET orphan_cause = 'boredom' WHERE sequence = 7",
    "UPDATE claims SET orphan_cause = 'departed' WHERE sequence = 7",
    "UPDATE meta SET amnesia_reason = 'new-store'",
    "ALTER TABLE claims DROP COLUMN reason",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = -3",
  ])("what is whole for SQLite and not for us: %s", async (sql) => {
    await using folder = await writtenStore();
    const database = new DatabaseSync(folder.file);
    database.exec(sql);
    database.exec("PRAGMA journal_mode = DELETE");
    database.close();
    expect(checkSetAside(folder, readFileSync(folder.file))).toContain("was damaged");
  });

  test("a row of a list that is no JSON, with the column in the sentence", async () => {
    await using folder = await writtenStore();
    const database = new DatabaseSync(folder.file);
    database.exec(`INSERT INTO management_nodes (id, epoch, instance, sequence, last_list_sequence,
      last_list_digest, last_list_refused, lease_seconds, last_seen_ms, last_seen_wall_ms,
      lease_remaining_ms, grace_used_ms) VALUES ('mn', 1, 'i', 1, 1, 'd', '[{', 60, 1, 1, 1, 1)`);
    database.exec("PRAGMA journal_mode = DELETE");
    database.close();
    const detail = checkSetAside(folder, readFileSync(folder.file));
    expect(detail).toContain("management_nodes.last_list_refused is not JSON");
  });

  test("a log whose database is gone", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    const log = readFileSync(`${folder.file}-wal`);
    await folder.close();
    rmSync(folder.file);
    writeFileSync(`${folder.file}-wal`, log);
    const { past } = startOn(folder);
    expect(past.amnesiaReason).toBe("damaged-store");
    const [name = ""] = setAside(folder);
    expect(name).toMatch(/-wal$/);
    expect(readFileSync(path.join(folder.path, name)).equals(log)).toBe(true);
  });
});

test("a file cut anywhere is set aside, or is whole, or was never written", async () => {
  await using folder = await writtenStore();
  const bytes = readFileSync(folder.file);
  const cuts = [0, 1, 99, 100, 511, 512];
  for (let cut = pageBytes; cut < bytes.length; cut += Math.ceil(bytes.length / 29)) cuts.push(cut);
  for (const cut of cuts) {
    await using other = new StoreFolder();
    writeFileSync(other.file, bytes.subarray(0, cut));
    const { past, failures } = startOn(other);
    expect(past.amnesiaReason, `cut at ${cut}`).toBe(cut === 0 ? "new-store" : "damaged-store");
    expect(failures).toEqual([undefined]);
  }
});

test("a log goes aside with its database, unchanged", async () => {
  await using folder = await writtenStore();
  const { store } = await folder.open();
  await store.write(claimBatch(1000));
  const log = readFileSync(`${folder.file}-wal`);
  const bytes = Buffer.from(readFileSync(folder.file)).fill(0xa5, 5 * pageBytes, 6 * pageBytes);
  await folder.close();
  writeFileSync(folder.file, bytes);
  writeFileSync(`${folder.file}-wal`, log);
  checkSetAside(folder, bytes);
  const name = setAside(folder).find((one) => one.endsWith("-wal")) ?? "";
  expect(readFileSync(path.join(folder.path, name)).equals(log)).toBe(true);
});

test("what is damaged within one second is set aside under names with a count", async () => {
  await using folder = new StoreFolder();
  for (let count = 1; count <= 5; count += 1) {
    writeFileSync(folder.file, `damage ${count}`);
    startOn(folder);
  }
  const names = setAside(folder).filter((name) => !/-(wal|shm)$/.test(name));
  const contents = names.map((name) => readFileSync(path.join(folder.path, name), "utf8"));
  expect(contents.toSorted()).toEqual([1, 2, 3, 4, 5].map((count) => `damage ${count}`));
});

test("an agent that runs on a set-aside store answers its history", async () => {
  await using folder = new StoreFolder();
  writeFileSync(folder.file, "damage");
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  expect(await store.history({ limit: 5 })).toHaveLength(1);
});
