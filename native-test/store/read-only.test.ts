// The store without its agent, and what reading it leaves behind.

import { chmodSync, chownSync, copyFileSync, existsSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { backupStore } from "../../src/store/backup.ts";
import { isStoreHeld, ReadOnlyStore } from "../../src/store/read-only.ts";
import { StoreFolder } from "../../test/store/folder.ts";
import { claimBatch, comparable, stateAfter } from "../../test/store/records.ts";
import {
  durableIndexes,
  killAfter,
  startWriting,
  writeInAnotherProcess,
} from "../../test/store/writing-process.ts";

function claimsIn(folder: string): number[] {
  using store = ReadOnlyStore.open(folder);
  return (store.state()?.claims ?? []).map(({ sequence }) => sequence).toSorted((a, b) => a - b);
}

function refusal(folder: string): { code: string; message: string } {
  try {
    ReadOnlyStore.open(folder)[Symbol.dispose]();
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error("it was opened");
}

test("a store that nobody has written to is empty", async () => {
  await using folder = new StoreFolder();
  for (const content of [undefined, ""]) {
    if (content === undefined) await folder.open().then(() => folder.close());
    else writeFileSync(folder.file, content);
    using reader = ReadOnlyStore.open(folder.path);
    expect(reader.state()).toBeUndefined();
    expect(reader.history({ limit: 5 })).toEqual([]);
  }
});

test("a store at rest is read whole", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  await store.write(claimBatch(1));
  await folder.close();
  using reader = ReadOnlyStore.open(folder.path);
  expect(comparable(reader.state())).toEqual(comparable(stateAfter([claimBatch(1)])));
  expect(reader.history({ limit: 5 })).toMatchObject([{ id: 1, kind: "claim-made" }]);
});

test("what is acknowledged is read beside a running agent", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  for (let index = 0; index < 5; index += 1) {
    await store.write(claimBatch(index));
    expect(claimsIn(folder.path)).toHaveLength(index + 1);
  }
});

test("what only the log of a killed agent holds is read too", async () => {
  await using folder = new StoreFolder();
  const program = startWriting(folder.path, 0);
  await killAfter(program, 4);
  expect(statSync(`${folder.file}-wal`).size).toBeGreaterThan(0);
  expect(claimsIn(folder.path)).toEqual(expect.arrayContaining(durableIndexes(program.out)));
});

test("whether an agent runs on a store can be seen, while it starts and ends too", async () => {
  await using folder = new StoreFolder();
  expect(isStoreHeld(folder.path)).toBe(false);
  for (let start = 0; start < 2; start += 1) {
    await folder.open();
    expect(isStoreHeld(folder.path)).toBe(true);
    await folder.close();
    expect(isStoreHeld(folder.path)).toBe(false);
  }
});

describe("is refused in a sentence:", () => {
  test("no store", async () => {
    await using folder = new StoreFolder();
    expect(refusal(folder.path)).toMatchObject({
      code: "no-store",
      message: expect.stringMatching(/^cannot read the store .*store\.db does not exist$/),
    });
    expect(folder.names).toEqual([]);
  });

  test("a file that is none", async () => {
    await using folder = new StoreFolder();
    writeFileSync(folder.file, "this is no database\n".repeat(100));
    expect(refusal(folder.path)).toMatchObject({
      code: "damaged",
      message: expect.stringMatching(/file is not a database$/),
    });
  });

  test("a store of a newer version", async () => {
    await using folder = new StoreFolder();
    using database = new DatabaseSync(folder.file);
    database.exec("PRAGMA user_version = 99; CREATE TABLE novelty (a)");
    expect(refusal(folder.path)).toMatchObject({ code: "newer-version" });
  });
});

const isRoot = process.geteuid?.() === 0;
const whyNot = isRoot ? "" : " (skipped: only root can become another user)";
const agentUser = 54_321;

/** A store that another user writes. */
async function storeOfAgentUser(): Promise<StoreFolder> {
  const folder = new StoreFolder();
  chownSync(folder.path, agentUser, agentUser);
  const { out } = await writeInAnotherProcess(folder.path, 0, agentUser);
  expect(out).toBe("opened new-store 0\ndurable 0\n");
  return folder;
}

function owners(folder: StoreFolder): Set<number> {
  return new Set(folder.names.map((name) => statSync(path.join(folder.path, name)).uid));
}

describe.skipIf(!isRoot)(`the store of the agent's user, touched by root${whyNot}`, () => {
  test("stays that user's after root has read it at rest", async () => {
    await using folder = await storeOfAgentUser();
    expect(claimsIn(folder.path)).toEqual([0]);
    expect([...owners(folder)]).toEqual([agentUser]);
    const { out } = await writeInAnotherProcess(folder.path, 1, agentUser);
    expect(out).toBe("opened intact 1\ndurable 1\n");
  });

  test("stays that user's after root has read what a killed agent left without its -shm", async () => {
    await using folder = await storeOfAgentUser();
    const program = startWriting(folder.path, 1, agentUser);
    await killAfter(program, 4);
    await using copy = new StoreFolder();
    chownSync(copy.path, agentUser, agentUser);
    for (const name of ["store.db", "store.db-wal"]) {
      copyFileSync(path.join(folder.path, name), path.join(copy.path, name));
      chownSync(path.join(copy.path, name), agentUser, agentUser);
    }
    const claims = claimsIn(copy.path);
    expect(claims).toEqual(expect.arrayContaining(durableIndexes(program.out)));
    expect(existsSync(path.join(copy.path, "store.db-shm"))).toBe(true);
    expect([...owners(copy)]).toEqual([agentUser]);
    const { out } = await writeInAnotherProcess(copy.path, 1000, agentUser);
    expect(out).toBe(`opened intact ${claims.length}\ndurable 1000\n`);
  });

  test("stays that user's after a backup by root, which is root's alone", async () => {
    await using folder = await storeOfAgentUser();
    await using other = new StoreFolder();
    const file = path.join(other.path, "backup");
    backupStore(folder.path, file);
    expect([...owners(folder)]).toEqual([agentUser]);
    expect(statSync(file)).toMatchObject({ uid: 0 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("is not damaged because somebody else may not read it: that one is refused in a sentence", async () => {
    await using folder = await storeOfAgentUser();
    chmodSync(folder.path, 0o777);
    const { out } = await writeInAnotherProcess(folder.path, 1, agentUser + 1);
    expect(out).toMatch(/^no-permission cannot read the store: EACCES.*must belong to the user/);
    chmodSync(folder.path, 0o700);
    const locked = await writeInAnotherProcess(folder.path, 1, agentUser + 1);
    expect(locked.out).toMatch(/^no-permission cannot read the store: EACCES/);
    expect(folder.names.filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("can be read in a folder that may not be written, and writes fail as read-only", async () => {
    await using folder = await storeOfAgentUser();
    chownSync(folder.path, 0, 0);
    chmodSync(folder.path, 0o755);
    const { out } = await writeInAnotherProcess(folder.path, 1, agentUser);
    expect(out).toMatch(/^opened intact 1\nread-only this user may not write in .*: give it to/);
  });
});
