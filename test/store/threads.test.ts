// The threads of the store: what they wait for, nobody else does; when one dies another takes over.

import { DatabaseSync } from "node:sqlite";
import { describe, expect, test, vi } from "vitest";
import { defaultHistoryRetention } from "../../src/store/history.ts";
import { SqliteStore } from "../../src/store/sqlite-store.ts";
import { StoreThread } from "../../src/store/thread.ts";
import { closeLimitMs, StoreFolder } from "./folder.ts";
import { batch, claim, claimBatch } from "./records.ts";

/** Somebody else's transaction: the writer waits for its end, as for a disk that is slow. */
class ForeignTransaction implements Disposable {
  readonly #database: DatabaseSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec("BEGIN IMMEDIATE");
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Longest time for which the event loop did nothing else. */
async function lagMsDuring(work: () => Promise<unknown>): Promise<number> {
  let [lagMs, before] = [0, performance.now()];
  const tick = (): void => {
    const now = performance.now();
    [lagMs, before] = [Math.max(lagMs, now - before), now];
  };
  const timer = setInterval(tick, 5);
  await work();
  clearInterval(timer);
  tick();
  return lagMs;
}

describe("while the writer waits for the disk", () => {
  test("history is answered, the event loop goes on, and the write comes through in the end", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    await store.history({ limit: 1 });
    let isWritten = false;
    const transaction = new ForeignTransaction(folder.file);
    const write = store.write(claimBatch(2)).then(() => (isWritten = true));
    const lagMs = await lagMsDuring(async () => {
      for (let count = 0; count < 50; count += 1) {
        const page = await store.history({ limit: 10 });
        expect(page).toHaveLength(1);
      }
    });
    expect(isWritten).toBe(false);
    // A loop that waited for the writer would have waited for the whole transaction.
    expect(lagMs).toBeLessThan(500);
    transaction[Symbol.dispose]();
    await write;
    expect(await store.history({ limit: 10 })).toHaveLength(2);
  });

  test("the end of the store keeps its limit, says that the thread hangs, and rejects what waits", async () => {
    await using folder = new StoreFolder();
    const { store } = await folder.open();
    await store.write(claimBatch(1));
    using transaction = new ForeignTransaction(folder.file);
    const writes = [store.write(claimBatch(2)), store.write(claimBatch(3))];
    const codes = Promise.all(writes.map((write) => write.catch(({ code }) => code as string)));
    const startedAt = performance.now();
    expect(await store.close(300)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(await codes).toEqual(["closed", "closed"]);
    transaction[Symbol.dispose]();
    await folder.close();
  });
});

/** A store whose writing thread ends when it is given a claim for that reason. */
async function openMortal(folder: StoreFolder): Promise<SqliteStore> {
  const options = { folder: folder.path, retention: defaultHistoryRetention };
  const writer = new StoreThread(new URL("./mortal-worker.ts", import.meta.url), options);
  const reader = new StoreThread(
    new URL("../../src/store/reader-worker.ts", import.meta.url),
    options,
  );
  const begun = (await writer.ask({ kind: "begin" })) as { identity: string };
  return new SqliteStore(writer, reader, begun.identity);
}

test("a writer that dies rejects what it was at, and the next write starts another", async () => {
  await using folder = new StoreFolder();
  const store = await openMortal(folder);
  await store.write(claimBatch(1));
  const deadly = batch({ claims: { put: [claim(2, { reason: "the thread ends" })], remove: [] } });
  await expect(store.write(deadly)).rejects.toMatchObject({ code: "failed" });
  await store.write(claimBatch(3));
  expect(await store.close(closeLimitMs)).toBe(true);
  const { past } = await folder.open();
  const sequences = past.state?.claims.map(({ sequence }) => sequence);
  expect(sequences?.toSorted()).toEqual([1, 3]);
});

test("a thread that cannot start rejects the question and is tried again by the next", async () => {
  const thread = new StoreThread(new URL("./not-there.ts", import.meta.url), {});
  for (let count = 0; count < 2; count += 1) {
    await expect(thread.ask({})).rejects.toThrow(/its thread ended: Cannot find module/);
  }
});

test("a large write does not hold the event loop while it is being written", async () => {
  await using folder = new StoreFolder();
  const { store } = await folder.open();
  const claims = Array.from({ length: 20_000 }, (_, index) => claim(index));
  const write = store.write(batch({ claims: { put: claims, remove: [] } }));
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 1);
  await write;
  clearInterval(timer);
  // One that was held would have ticked once, after it.
  await vi.waitFor(() => expect(ticks).toBeGreaterThan(5));
});
