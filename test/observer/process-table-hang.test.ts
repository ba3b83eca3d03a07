// The process table on folders in which reading a command line really hangs.

import { describe, expect, test, vi } from "vitest";
import { ProcessTable } from "../../src/observer/process-table.ts";
import { ProcFolder, qemu, uuid } from "./proc-folder.ts";

const limitMs = 400;
/** What an answer may take beyond its limit. */
const graceMs = 500;
const u = uuid(1);

/** A process table whose thread is up, so that the next limit is spent on reading. */
class Stage implements AsyncDisposable {
  readonly proc = new ProcFolder();
  readonly table = new ProcessTable(this.proc.path);

  static async open(): Promise<Stage> {
    const stage = new Stage();
    await stage.table.look(10_000);
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.proc[Symbol.dispose]();
    await this.table[Symbol.asyncDispose]();
  }
}

/** Longest time for which the event loop did nothing else, and how long it all took. */
async function timed<T>(work: () => Promise<T>) {
  let [lagMs, before] = [0, performance.now()];
  const startedAt = before;
  const tick = (): void => {
    const now = performance.now();
    [lagMs, before] = [Math.max(lagMs, now - before), now];
  };
  const timer = setInterval(tick, 5);
  const result = await work();
  clearInterval(timer);
  tick();
  return { result, lagMs, tookMs: before - startedAt };
}

test("a process whose command line hangs its reader costs one look no more than its limit and the loop nothing, and is named", async () => {
  await using stage = await Stage.open();
  const { proc, table } = stage;
  proc.hang(10);
  const { result, tookMs, lagMs } = await timed(() => table.look(limitMs));
  expect(result.problem?.code).toBe("process-table-slow");
  expect(result.problem?.detail).toContain("process 10");
  expect(tookMs).toBeLessThan(limitMs + graceMs);
  // A loop that waited for the reader would wait for ever, for nobody lets it go.
  expect(lagMs).toBeLessThan(limitMs + graceMs);
  expect(table.hungWorkers).toBe(1);
});

describe.concurrent("a process whose command line hangs its reader", () => {
  test("is not read again: the next look is quick, sees all others and is not whole", async () => {
    await using stage = await Stage.open();
    const { proc, table } = stage;
    proc.add(9, qemu(uuid(9)));
    await table.look(5000);
    proc.hang(10);
    proc.add(11, qemu(u));
    await table.look(limitMs);
    const look = await table.look(5000);
    expect(look.qemus).toEqual(new Set([uuid(9), u]));
    expect(look.problem?.code).toBe("process-table-unreadable");
    expect(look.problem?.detail).toContain("process 10");
    expect(table.hungWorkers).toBe(1);
  });

  test("is read again when reading it has come back", async () => {
    await using stage = await Stage.open();
    const { proc, table } = stage;
    proc.hang(10);
    await table.look(limitMs);
    proc.end(10);
    proc.add(10, qemu(u));
    await vi.waitFor(() => expect(table.hungWorkers).toBe(0));
    expect(await table.look(5000)).toEqual({ qemus: new Set([u]) });
  });

  test("no longer matters when it is gone", async () => {
    await using stage = await Stage.open();
    const { proc, table } = stage;
    proc.hang(10);
    await table.look(limitMs);
    proc.remove(10); // its reader still hangs: the thread is lost, the table is not
    expect(await table.look(5000)).toEqual({ qemus: new Set() });
  });
});

test.concurrent("at most four threads hang; then the table is not read, until one comes back", async () => {
  await using stage = await Stage.open();
  const { proc, table } = stage;
  const pids = [10, 11, 12, 13, 14];
  for (const pid of pids) proc.hang(pid);
  await vi.waitFor(
    async () => {
      await table.look(limitMs);
      expect(table.hungWorkers).toBe(4);
    },
    { timeout: 10_000, interval: 1 },
  );
  const { result, tookMs } = await timed(() => table.look(limitMs));
  expect(result.problem?.code).toBe("process-table-slow");
  expect(result.problem?.detail).toContain("4 readers hang");
  expect(result.qemus.size).toBe(0);
  expect(tookMs).toBeLessThan(limitMs);
  expect(table.hungWorkers).toBe(4);

  for (const pid of pids) proc.end(pid);
  await vi.waitFor(() => expect(table.hungWorkers).toBe(0));
  expect((await table.look(5000)).problem).toBeUndefined();
}, 20_000);

describe.concurrent("the end of the table", () => {
  test("does not wait for a thread that hangs", async () => {
    await using stage = await Stage.open();
    const { proc, table } = stage;
    proc.hang(10);
    await table.look(limitMs);
    const { tookMs } = await timed(() => table[Symbol.asyncDispose]());
    expect(tookMs).toBeLessThan(graceMs);
  });

  test("does not wait for a thread of which nobody knows yet that it hangs", async () => {
    await using stage = await Stage.open();
    const { proc, table } = stage;
    proc.hang(10);
    const look = table.look(500);
    await vi.waitFor(() => expect(proc.hasReader(10)).toBe(true));
    const { tookMs } = await timed(() => table[Symbol.asyncDispose]());
    expect(tookMs).toBeLessThan(graceMs);
    expect(table.hungWorkers, "the process cannot exit by itself now").toBe(1);
    expect((await look).problem?.code).toBe("process-table-slow");
  });
});
