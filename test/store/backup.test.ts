// Backup and restore.

import { chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { backupStore, restoreStore } from "../../src/store/backup.ts";
import { ReadOnlyStore } from "../../src/store/read-only.ts";
import { StoreFolder } from "./folder.ts";
import { batch, claimBatch, comparable, stateAfter } from "./records.ts";
import { writeInAnotherProcess } from "./writing-process.ts";

const now = new Date("2026-11-25T07:03:23Z");

/** A store with a claim, its backup, and a claim that was made after. */
async function backedUp(): Promise<{ folder: StoreFolder; file: string }> {
  const folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  const file = path.join(folder.path, "backup");
  backupStore(folder.path, file);
  await store.write(claimBatch(2));
  await folder.close();
  return { folder, file };
}

function message(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it was done");
}

describe("a backup", () => {
  test("taken while the agent writes is the state after some batches, again and again", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    const counts: number[] = [];
    const writes: Promise<number>[] = [];
    for (let round = 0; round < 6; round += 1) {
      for (let index = 0; index < 10; index += 1) {
        writes.push(store.write(claimBatch(round * 10 + index)));
      }
      await writes[round * 10];
      const file = path.join(folder.path, `backup-${round}`);
      backupStore(folder.path, file);
      using database = new DatabaseSync(file, { readOnly: true });
      const claims = database.prepare("SELECT sequence FROM claims ORDER BY sequence").all();
      const entries = database.prepare("SELECT count(*) AS count FROM history").get();
      expect(claims.map(({ sequence }) => sequence)).toEqual(claims.map((_, index) => index));
      expect(entries?.["count"]).toBe(claims.length);
      counts.push(claims.length);
      expect(claims.length).toBeGreaterThan(round * 10);
    }
    await Promise.all(writes);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test("is one file, readable by its user alone, and nothing else is left", async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    expect(folder.names).toEqual(["backup", "store.db", "store.lock"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("overwrites nothing", async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    const before = readFileSync(file);
    expect(message(() => backupStore(folder.path, file))).toMatch(/exists; name another file$/);
    const other = path.join(folder.path, "other");
    writeFileSync(`${other}.partial`, "mine");
    expect(message(() => backupStore(folder.path, other))).toMatch(/other\.partial is in the way$/);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readFileSync(`${other}.partial`, "utf8")).toBe("mine");
    expect(folder.names).not.toContain("other");
  });

  test("of nothing, or to nowhere, is refused in a sentence and leaves nothing", async () => {
    const { folder } = await backedUp();
    await using _folder = folder;
    await using empty = new StoreFolder();
    const [file, nowhere] = [path.join(empty.path, "b"), path.join(empty.path, "no/where")];
    expect(message(() => backupStore(empty.path, file))).toMatch(
      /^cannot back up .*: there is no store$/,
    );
    expect(message(() => backupStore(folder.path, nowhere))).toMatch(
      /^cannot write the backup: \/.*\/no does not exist; make it, or name a file elsewhere$/,
    );
    expect(empty.names).toEqual([]);
  });

  test("of a damaged store is refused and leaves nothing", async () => {
    await using folder = new StoreFolder();
    writeFileSync(folder.file, Buffer.alloc(8192, 0xa5));
    const file = path.join(folder.path, "backup");
    expect(message(() => backupStore(folder.path, file))).toMatch(
      /it is damaged: file is not a database$/,
    );
    expect(folder.names).toEqual(["store.db"]);
  });
});

describe("a restore", () => {
  test("brings the backup back, in amnesia until the agent has written, and keeps what was there", async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    const restored = restoreStore(file, folder.path, now);
    expect(restored.setAsideAs).toBe("store.db.replaced-2026-11-25T07-03-23Z");
    expect(comparable(restored.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
    expect(folder.names).toEqual([
      "backup",
      "store.db",
      "store.db.replaced-2026-11-25T07-03-23Z",
      "store.lock",
    ]);
    for (let start = 0; start < 2; start += 1) {
      const { past } = await folder.open();
      expect(past.amnesiaReason).toBe("restored-store");
      expect(comparable(past.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
      await folder.close();
    }
    const { store } = await folder.open();
    await store.write(batch({ run: { storeId: "store-2", agentEpoch: 2 } }));
    await folder.close();
    const { past } = await folder.open();
    expect(past.amnesiaReason).toBeUndefined();
    expect(past.state?.run).toEqual({ storeId: "store-2", agentEpoch: 2 });
    expect(past.state?.claims).toHaveLength(1);
  });

  test("does not give the old log to the new store", async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    const { store } = await folder.open();
    await store.write(claimBatch(3));
    const log = readFileSync(`${folder.file}-wal`);
    await folder.close();
    writeFileSync(`${folder.file}-wal`, log);
    const { setAsideAs = "" } = restoreStore(file, folder.path, now);
    expect(readFileSync(path.join(folder.path, `${setAsideAs}-wal`)).equals(log)).toBe(true);
    using reader = ReadOnlyStore.open(folder.path);
    expect(comparable(reader.state())).toEqual(comparable(stateAfter([claimBatch(1)])));
  });

  test("makes a store where there was none, and takes one that was copied by hand with its log", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    await using copies = new StoreFolder();
    for (const suffix of ["", "-wal"]) {
      writeFileSync(`${copies.file}${suffix}`, readFileSync(`${folder.file}${suffix}`));
    }
    await using target = new StoreFolder();
    expect(restoreStore(copies.file, target.path, now).setAsideAs).toBeUndefined();
    const { past } = await target.open();
    expect(past.amnesiaReason).toBe("restored-store");
    expect(comparable(past.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
  });

  test("while an agent runs is refused, and changes nothing", async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    const { store } = await folder.open();
    const names = folder.names;
    expect(message(() => restoreStore(file, folder.path))).toContain("another process holds it");
    expect(folder.names).toEqual(names);
    await store.write(claimBatch(3));
  });

  test.each<[string, (file: string) => void, RegExp]>([
    [
      "nothing",
      (file) => writeFileSync(file, ""),
      /it is empty; name a file that vmsyncctl backup has written$/,
    ],
    [
      "a text",
      (file) => writeFileSync(file, "text".repeat(500)),
      /it is damaged: file is not a database$/,
    ],
    [
      "a damaged one",
      (file) => writeFileSync(file, readFileSync(file).fill(0xa5, 8192, 12_288)),
      /it is damaged: /,
    ],
    [
      "one of a newer version",
      (file) => {
        using database = new DatabaseSync(file);
        database.exec("PRAGMA user_version = 99");
      },
      /a newer vmsyncd wrote it/,
    ],
    [
      "another program's",
      (file) => {
        using database = new DatabaseSync(file);
        database.exec("PRAGMA user_version = 0");
      },
      /another program's database/,
    ],
  ])("of %s is refused in a sentence, and changes nothing", async (_, spoil, sentence) => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    spoil(file);
    const before = readFileSync(folder.file);
    expect(message(() => restoreStore(file, folder.path))).toMatch(sentence);
    expect(folder.names).toEqual(["backup", "store.db", "store.lock"]);
    expect(readFileSync(folder.file).equals(before)).toBe(true);
  });

  const isRoot = process.geteuid?.() === 0;
  const whyNot = isRoot ? "" : " (skipped: only root can become another user)";

  test.skipIf(!isRoot)(`by root is a store that the agent's user can write${whyNot}`, async () => {
    const { folder, file } = await backedUp();
    await using _folder = folder;
    await using target = new StoreFolder();
    chownSync(target.path, 54_321, 54_321);
    restoreStore(file, target.path);
    expect(statSync(target.file)).toMatchObject({ uid: 54_321, gid: 54_321 });
    const { out } = await writeInAnotherProcess(target.path, 5, 54_321);
    expect(out).toBe("opened restored-store 1\ndurable 5\n");
  });
});
