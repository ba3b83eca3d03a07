// The process table with threads that do what the test says: start late, fail, answer or not.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ProcessTable } from "../../src/observer/process-table.ts";
import { FakeThread } from "./fake-thread.ts";
import { uuid } from "./proc-folder.ts";

vi.mock("node:worker_threads", async () => {
  return { Worker: (await import("./fake-thread.ts")).FakeThread };
});

const u = uuid(1);
let table: ProcessTable;

const thread = (): FakeThread => FakeThread.last;

/** A look that is answered: the thread has started. */
async function answered(): Promise<void> {
  const look = table.look(1000);
  await settle();
  thread().answer();
  await look;
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeThread.reset();
  table = new ProcessTable("/proc");
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a thread", () => {
  test("that cannot be started makes one look unreadable, and the next tries again", async () => {
    FakeThread.refusal = new Error("ERR_WORKER_INIT_FAILED: EAGAIN");
    const look = await table.look(1000);
    expect(look.problem?.code).toBe("process-table-unreadable");
    expect(look.problem?.detail).toContain("EAGAIN");
    FakeThread.refusal = undefined;
    const next = table.look(1000);
    await settle();
    thread().answer({ qemus: [u] });
    expect(await next).toEqual({ qemus: new Set([u]) });
  });

  test("that fails makes the look unreadable, and the next look has another", async () => {
    const look = table.look(1000);
    await settle();
    thread().emit("error", new Error("out of memory"));
    expect((await look).problem).toEqual({
      code: "process-table-unreadable",
      detail: "cannot read /proc: out of memory",
    });
    const next = table.look(1000);
    await settle();
    expect(FakeThread.started).toHaveLength(2);
    thread().answer();
    expect((await next).problem).toBeUndefined();
  });

  test("that fails while nobody asks does not take the agent with it", async () => {
    const look = table.look(1000);
    await settle();
    thread().answer();
    await look;
    expect(() => thread().emit("error", new Error("late"))).not.toThrow();
  });

  test("is told to end its pass before it would count as hung", async () => {
    for (const limitMs of [50, 100, 1000, 10_000]) {
      const look = table.look(limitMs);
      await settle();
      const passMs = thread().asked.at(-1)?.limitMs ?? 0;
      expect(passMs).toBeLessThan(limitMs);
      expect(passMs).toBeGreaterThanOrEqual(limitMs * 0.9);
      thread().answer();
      await look;
    }
  });

  test("that hung is replaced by one that knows what was learned, and does not read it", async () => {
    const known = { pid: 7, startTime: "1", comm: "qemu-kvm", vmUuid: u };
    const other = { ...known, pid: 8 };
    const looks = [table.look(1000), table.look(1000), table.look(1000)];
    await settle();
    thread().answer({ learned: [known, other] });
    await settle();
    thread().answer({ gone: [8] });
    await settle();
    const hung = thread();
    Atomics.store(new Int32Array(hung.workerData.reading), 0, 4242);
    await vi.advanceTimersByTimeAsync(1001);
    const last = await Promise.all(looks).then((all) => all.at(-1));
    expect(last?.problem?.detail).toContain("process 4242");
    expect([hung.isTerminated, table.hungWorkers]).toEqual([true, 1]);

    void table.look(1000);
    await settle();
    expect(thread()).not.toBe(hung);
    expect(thread().workerData.known).toEqual([known]);
    expect(thread().asked).toMatchObject([{ stuckPids: [4242] }]);
    thread().answer();
    hung.ended.resolve(1);
    void table.look(1000);
    await settle();
    expect(thread().asked).toMatchObject([{ stuckPids: [4242] }, { stuckPids: [] }]);
    expect(table.hungWorkers).toBe(0);
  });

  test("that hung before it read any process makes no process one that hangs", async () => {
    await answered();
    const look = table.look(1000);
    await vi.advanceTimersByTimeAsync(1001);
    expect((await look).problem).toEqual({
      code: "process-table-slow",
      detail: "cannot read /proc within 1000 ms",
    });
    void table.look(1000);
    await settle();
    expect(thread().asked).toMatchObject([{ stuckPids: [] }]);
  });

  test.each([
    { limitMs: 100, startMs: 150 },
    { limitMs: 1_000, startMs: 2_500 },
  ])(
    "that takes $startMs ms to start is waited for over looks of $limitMs ms, not thrown away",
    async ({ limitMs, startMs }) => {
      setTimeout(() => thread().answer({ qemus: [uuid(2)] }), startMs);
      const looks: unknown[] = [];
      const startedAt = performance.now();
      while (performance.now() - startedAt < startMs) {
        const look = table.look(limitMs);
        const left = Math.min(limitMs, startMs - (performance.now() - startedAt));
        await vi.advanceTimersByTimeAsync(left + 1);
        if (performance.now() - startedAt >= startMs) thread().answer({ qemus: [u] });
        const { problem, qemus } = await look;
        looks.push(problem?.code ?? [...qemus]);
      }
      expect(FakeThread.started).toHaveLength(1);
      // What it answered late was asked before this look.
      expect(looks.at(-1)).toEqual([u]);
      expect(new Set(looks.slice(0, -1))).toEqual(new Set(["process-table-slow"]));
    },
  );

  test("that never starts is replaced", async () => {
    for (let look = 0; look < 40; look += 1) {
      const looking = table.look(1000);
      await vi.advanceTimersByTimeAsync(1100);
      expect((await looking).problem?.code).toBe("process-table-slow");
    }
    expect(FakeThread.started).toHaveLength(2);
  });

  test("that was given up and answers after all answers nobody", async () => {
    await answered();
    const look = table.look(1000);
    await vi.advanceTimersByTimeAsync(1001);
    await look;
    const late = thread();
    const next = table.look(1000);
    await settle();
    late.answer({ qemus: [u] });
    late.emit("error", new Error("late"));
    thread().answer({ qemus: [uuid(2)] });
    expect(await next).toEqual({ qemus: new Set([uuid(2)]) });
  });
});

test("one pass runs at a time, and a question is answered by a pass that began after it", async () => {
  const looks = [table.look(1000), table.look(1000)];
  await settle();
  expect(FakeThread.started).toHaveLength(1);
  expect(thread().asked).toHaveLength(1);
  thread().answer({ qemus: [u] });
  await settle();
  expect(thread().asked).toHaveLength(2);
  thread().answer({ qemus: [uuid(2)] });
  const qemus = (await Promise.all(looks)).map((look) => [...look.qemus]);
  expect(qemus).toEqual([[u], [uuid(2)]]);
});

describe("a table that is given up", () => {
  /** Given up right after its thread was started, as by a daemon that is stopped at once. */
  function giveUp(): Promise<void> {
    table.prepare();
    return table[Symbol.asyncDispose]();
  }

  test("waits for a thread that is still starting, and counts none as hung", async () => {
    const givenUp = giveUp();
    await vi.advanceTimersByTimeAsync(4_000);
    thread().ended.resolve(1);
    await givenUp;
    expect(table.hungWorkers).toBe(0);
  });

  test("does not wait for a thread that reads a command line, and counts it as hung", async () => {
    const givenUp = giveUp();
    Atomics.store(new Int32Array(thread().workerData.reading), 0, 4242);
    await vi.advanceTimersByTimeAsync(100);
    await givenUp;
    expect(table.hungWorkers).toBe(1);
    thread().ended.resolve(1);
    await settle();
    expect(table.hungWorkers).toBe(0);
  });

  test("waits for no thread for ever", async () => {
    const givenUp = giveUp();
    await vi.advanceTimersByTimeAsync(5_000);
    await givenUp;
    expect(table.hungWorkers).toBe(1);
  });
});
