// Disks that are full or read-only, for real.

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type StoreFailure } from "../../src/agent/ports.ts";
import type { StoreBatch } from "../../src/core/records.ts";
import type { SqliteStore } from "../../src/store/sqlite-store.ts";
import { StoreFolder } from "../../test/store/folder.ts";
import { MountedFolder, whyNoMount } from "../../test/store/mounted-folder.ts";
import {
  batch,
  claim,
  claimBatch,
  comparable,
  entry,
  stateAfter,
} from "../../test/store/records.ts";

const whyNot = whyNoMount();
const suffix = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;

/** A claim with some history: a few pages. */
function largeBatch(index: number): StoreBatch {
  const history = Array.from({ length: 100 }, (_, at) => entry(index * 1000 + at));
  return batch({ claims: { put: [claim(index)], remove: [] }, history });
}

/** Code of the failure; undefined: it was written. */
async function failureOf(store: SqliteStore, written: StoreBatch): Promise<string | undefined> {
  return await store.write(written).then(
    () => undefined,
    ({ code }: StoreFailure) => code,
  );
}

/** Writes until the disk refuses; returns what it took. */
async function writeUntilFull(store: SqliteStore, from: number): Promise<StoreBatch[]> {
  const taken: StoreBatch[] = [];
  for (let index = from; index < from + 2000; index += 1) {
    const next = largeBatch(index);
    const code = await failureOf(store, next);
    if (code === "full") return taken;
    if (code !== undefined) throw new Error(`the disk is full, and the store says ${code}`);
    taken.push(next);
  }
  throw new Error("the disk never was full");
}

describe.skipIf(whyNot !== undefined)(`a full disk${suffix}`, () => {
  test("refuses a write whole, lets history be read, and takes writes again when there is room", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    const { store } = await folder.open();
    const first = [1, 2, 3].map(largeBatch);
    for (const written of first) await store.write(written);
    disk.fill();
    const taken = [...first, ...(await writeUntilFull(store, 4))];
    expect(await failureOf(store, largeBatch(5000))).toBe("full");
    const history = taken.flatMap((written) => written.history);
    expect(await store.history({ limit: 10_000 })).toHaveLength(history.length);
    disk.makeRoom();
    const late = claimBatch(6000);
    expect(await failureOf(store, late)).toBeUndefined();
    await folder.close();
    const { past } = await folder.open();
    expect(comparable(past.state)).toEqual(comparable(stateAfter([...taken, late])));
  });

  test("at a start does not hide what the store says, and the store heals later", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    const { store } = await folder.open();
    await store.write(claimBatch(0));
    await folder.close();
    disk.fill();
    const opened = await folder.open();
    expect(opened.past.amnesiaReason).toBeUndefined();
    expect(comparable(opened.past.state)).toEqual(comparable(stateAfter([claimBatch(0)])));
    expect(await failureOf(opened.store, largeBatch(1))).toBe("full");
    disk.makeRoom();
    expect(await failureOf(opened.store, claimBatch(2))).toBeUndefined();
    await folder.close();
    const { past } = await folder.open();
    const written = [claimBatch(0), claimBatch(2)];
    expect(comparable(past.state)).toEqual(comparable(stateAfter(written)));
  });

  test("at a start without a store is a new store, which is made when there is room", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    disk.fill();
    const { store, past, canWrite } = await folder.open();
    expect(past.amnesiaReason).toBe("new-store");
    expect(canWrite).toBe(false);
    expect(await failureOf(store, claimBatch(1))).toBe("full");
    expect(await store.history({ limit: 5 })).toEqual([]);
    disk.makeRoom();
    expect(await failureOf(store, claimBatch(2))).toBeUndefined();
    expect(await store.history({ limit: 5 })).toHaveLength(1);
    await folder.close();
    const next = await folder.open();
    expect(comparable(next.past.state)).toEqual(comparable(stateAfter([claimBatch(2)])));
  });

  test("with a damaged store is amnesia for its damage", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    const { store } = await folder.open();
    await store.write(claimBatch(0));
    await folder.close();
    const bytes = readFileSync(folder.file).fill(0xa5, 4096, 8192);
    writeFileSync(folder.file, bytes);
    disk.fill();
    const opened = await folder.open();
    expect(opened.past.amnesiaReason).toBe("damaged-store");
    disk.makeRoom();
    expect(await failureOf(opened.store, claimBatch(1))).toBeUndefined();
    await folder.close();
    const { past } = await folder.open();
    expect(comparable(past.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
  });
});

describe.skipIf(whyNot !== undefined)(`a read-only file system${suffix}`, () => {
  test.each([
    ["at rest", false],
    ["with claims in its log", true],
  ])(
    "does not hide what a store says, and writes come through when it is writable: %s",
    async (_, hasLog) => {
      using disk = new MountedFolder();
      await using folder = new StoreFolder(disk.path);
      const { store } = await folder.open();
      await store.write(claimBatch(0));
      const copies = path.join(disk.path, "..");
      const names = ["store.db", "store.db-wal"];
      // What a kill leaves, rather than a clean stop.
      if (hasLog) {
        for (const name of names) copyFileSync(path.join(disk.path, name), path.join(copies, name));
      }
      await folder.close();
      if (hasLog) {
        for (const name of names) copyFileSync(path.join(copies, name), path.join(disk.path, name));
      }
      disk.makeReadOnly();
      const opened = await folder.open();
      expect(opened.past.amnesiaReason).toBeUndefined();
      expect(opened.canWrite).toBe(false);
      expect(comparable(opened.past.state)).toEqual(comparable(stateAfter([claimBatch(0)])));
      expect(await failureOf(opened.store, claimBatch(1))).toBe("read-only");
      expect(await opened.store.history({ limit: 5 })).toHaveLength(1);
      disk.makeWritable();
      expect(await failureOf(opened.store, claimBatch(2))).toBeUndefined();
      expect(await opened.store.history({ limit: 5 })).toHaveLength(2);
      await folder.close();
      const { past } = await folder.open();
      const written = [claimBatch(0), claimBatch(2)];
      expect(comparable(past.state)).toEqual(comparable(stateAfter(written)));
    },
  );

  test("of which only the database is read-only: writes fail, and come through when it is writable", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    const { store } = await folder.open();
    await store.write(claimBatch(0));
    await folder.close();
    disk.makeFileReadOnly(folder.file);
    const opened = await folder.open();
    expect(comparable(opened.past.state)).toEqual(comparable(stateAfter([claimBatch(0)])));
    expect(await failureOf(opened.store, claimBatch(1))).toBe("read-only");
    disk.makeFileWritable(folder.file);
    expect(await failureOf(opened.store, claimBatch(2))).toBeUndefined();
  });

  test("without a store is a new one; writes fail until it can be made", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    disk.makeReadOnly();
    const { store, past } = await folder.open();
    expect(past.amnesiaReason).toBe("new-store");
    expect(await failureOf(store, claimBatch(1))).toBe("read-only");
    disk.makeWritable();
    expect(await failureOf(store, claimBatch(2))).toBeUndefined();
  });

  test("with a damaged store is amnesia, and sets it aside when it can", async () => {
    using disk = new MountedFolder();
    await using folder = new StoreFolder(disk.path);
    writeFileSync(folder.file, "damage");
    disk.makeReadOnly();
    const { store, past } = await folder.open();
    expect(past.amnesiaReason).toBe("damaged-store");
    expect(await failureOf(store, claimBatch(1))).toBe("read-only");
    disk.makeWritable();
    expect(await failureOf(store, claimBatch(2))).toBeUndefined();
    const [name = ""] = folder.names.filter((one) => one.includes(".damaged-"));
    expect(readFileSync(path.join(disk.path, name), "utf8")).toBe("damage");
  });
});
