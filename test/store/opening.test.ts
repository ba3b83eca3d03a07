// What a start finds: nothing, an intact store, one of another version, one that another holds.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/store/errors.ts";
import { migrate, migrations, versionOf } from "../../src/store/schema.ts";
import { readState } from "../../src/store/state.ts";
import { StoreFolder } from "./folder.ts";
import { claimBatch, comparable, stateAfter } from "./records.ts";
import { writeInAnotherProcess } from "./writing-process.ts";

async function refusal(folder: StoreFolder): Promise<StoreError> {
  const error: unknown = await folder.open().then(
    () => new Error("it was opened"),
    (refused: unknown) => refused,
  );
  if (!(error instanceof StoreError)) throw error;
  return error;
}

describe("a first start", () => {
  test("is a new store, in a folder that is made, readable by its user alone", async () => {
    await using outer = new StoreFolder();
    await using folder = new StoreFolder(path.join(outer.path, "made"));
    const { past, canWrite } = await folder.open();
    expect(past).toEqual({ amnesiaReason: "new-store" });
    expect(canWrite).toBe(true);
    expect(folder.names).toContain("store.db");
    for (const name of folder.names) {
      expect(statSync(path.join(folder.path, name)).mode & 0o077).toBe(0);
    }
    expect(statSync(folder.path).mode & 0o077).toBe(0);
  });

  test("whose folder has no parent is refused in a sentence", async () => {
    await using outer = new StoreFolder();
    await using folder = new StoreFolder(path.join(outer.path, "not/there"));
    expect((await refusal(folder)).message).toMatch(
      /^cannot make the folder of the store, .*: .* does not exist; make it/,
    );
  });

  test("that ended before its first write is a first start again", async () => {
    await using folder = new StoreFolder();
    await folder.open();
    await folder.close();
    expect((await folder.open()).past).toEqual({ amnesiaReason: "new-store" });
  });

  test("that was cut short at the making of the file is a first start again", async () => {
    await using folder = new StoreFolder();
    writeFileSync(folder.file, "");
    expect((await folder.open()).past).toEqual({ amnesiaReason: "new-store" });
    expect(folder.names.filter((name) => name.includes("damaged"))).toEqual([]);
  });
});

test("a clean stop leaves one file, with everything in it", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  await folder.close();
  expect(folder.names).toEqual(["store.db", "store.lock"]);
  const { past } = await folder.open();
  expect(comparable(past.state)).toEqual(comparable(stateAfter([claimBatch(1)])));
});

describe("a store of a newer version", () => {
  test.each([
    ["at rest", false],
    ["with a log", true],
  ])("is refused in a sentence, and not touched: %s", async (_, hasLog) => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    await folder.close();
    const database = new DatabaseSync(folder.file);
    database.exec(`PRAGMA user_version = ${migrations.length + 1}; CREATE TABLE novelty (a)`);
    const names = hasLog ? ["store.db", "store.db-wal"] : ["store.db"];
    const copies = path.join(folder.path, "copies");
    mkdirSync(copies);
    if (!hasLog) database.close();
    for (const name of names) copyFileSync(path.join(folder.path, name), path.join(copies, name));
    if (hasLog) database.close();
    rmSync(path.join(folder.path, "store.db-wal"), { force: true });
    for (const name of names) copyFileSync(path.join(copies, name), path.join(folder.path, name));

    const { code, message } = await refusal(folder);
    expect(code).toBe("newer-version");
    const [newer, known] = [migrations.length + 1, migrations.length];
    expect(message).toContain(
      `a newer vmsyncd wrote it (version ${newer}, this one knows ${known}); install`,
    );
    for (const name of names) {
      const [before, after] = [path.join(copies, name), path.join(folder.path, name)];
      expect(readFileSync(after).equals(readFileSync(before))).toBe(true);
    }
  });
});

describe("migrations", () => {
  const next = "ALTER TABLE claims ADD COLUMN note TEXT; UPDATE claims SET note = 'migrated'";

  async function writtenStore(folder: StoreFolder): Promise<void> {
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    await folder.close();
  }

  test("the released steps are what they were: a step is never changed, only followed", () => {
    using database = new DatabaseSync(":memory:");
    migrate(database, migrations.slice(0, 1));
    const names = database.prepare(
      "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name",
    );
    expect(names.all().map(({ name }) => name)).toEqual([
      "claims",
      "history",
      "history_by_age",
      "history_by_management_node",
      "history_by_vm",
      "management_nodes",
      "meta",
      "sqlite_sequence",
      "tombstones",
      "vm_floors",
    ]);
  });

  test("bring each version to the newest, with what was written", async () => {
    await using folder = new StoreFolder();
    await writtenStore(folder);
    using database = new DatabaseSync(folder.file);
    migrate(database, [...migrations, next]);
    expect(versionOf(database)).toBe(migrations.length + 1);
    expect(database.prepare("SELECT note FROM claims").get()?.["note"]).toBe("migrated");
    const { state } = readState(database);
    expect(comparable(state)).toEqual(comparable(stateAfter([claimBatch(1)])));
  });

  test("of which one fails leave the version that was there", async () => {
    await using folder = new StoreFolder();
    await writtenStore(folder);
    using database = new DatabaseSync(folder.file);
    expect(() => migrate(database, [...migrations, next, "CREATE TABLE claims (a)"])).toThrow(
      "already exists",
    );
    expect(versionOf(database)).toBe(migrations.length);
    expect(() => database.prepare("SELECT note FROM claims")).toThrow("no such column");
  });
});

describe("a second opener is refused", () => {
  test("in the same process", async () => {
    await using folder = new StoreFolder();
    await folder.open();
    const { code, message } = await refusal(folder);
    expect(code).toBe("held");
    expect(message).toMatch(/another process holds it; one agent per store/);
    await folder.close();
    await folder.open();
  });

  test("in another process, even after a refused one in this process", async () => {
    await using folder = new StoreFolder();
    await folder.open();
    await refusal(folder);
    expect((await writeInAnotherProcess(folder.path, 1)).out).toMatch(
      /^held cannot open the store/,
    );
    await folder.close();
    expect((await writeInAnotherProcess(folder.path, 1)).out).toContain("durable 1\n");
  });
});

test("a store that was removed under its agent takes no more writes: they would be lost", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  rmSync(folder.file);
  await expect(store.write(claimBatch(2))).rejects.toMatchObject({
    code: "failed",
    message: expect.stringContaining("start the agent anew"),
  });
  expect(existsSync(folder.file)).toBe(false);
});

test("after the end a store refuses writes and reads", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  const last = store.write(claimBatch(1));
  expect(await store.close(10_000)).toBe(true);
  await last;
  await expect(store.write(claimBatch(2))).rejects.toMatchObject({ code: "closed" });
  await expect(store.history({ limit: 1 })).rejects.toMatchObject({ code: "closed" });
});
