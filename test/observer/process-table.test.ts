// The process table with a thread of its own.

import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessTable } from "../../src/observer/process-table.ts";
import { ProcFolder, qemu, uuid } from "./proc-folder.ts";

const limitMs = 250;
const u = uuid(1);

let proc: ProcFolder;
let table: ProcessTable;

beforeEach(() => {
  proc = new ProcFolder();
  table = new ProcessTable(proc.path);
});
afterEach(async () => {
  proc[Symbol.dispose]();
  await table[Symbol.asyncDispose]();
});

describe("the process table", () => {
  test("names the VMs whose QEMU lives", async () => {
    proc.add(10, qemu(u));
    expect(await table.look(5000)).toEqual({ qemus: new Set([u]) });
  });

  test("of a folder that is not there is unreadable", async () => {
    await using missing = new ProcessTable(`${proc.path}/missing`);
    const look = await missing.look(5000);
    expect(look).toMatchObject({ problem: { code: "process-table-unreadable" } });
    expect(look.qemus.size).toBe(0);
  });

  test("gives what it saw where one process cannot be read", async () => {
    proc.add(10, qemu(u));
    proc.add(11);
    proc.makeUnreadable(11, "stat");
    const look = await table.look(5000);
    expect(look.qemus).toEqual(new Set([u]));
    expect(look.problem?.code).toBe("process-table-unreadable");
  });

  test("takes an answer that came while this thread was busy beyond the limit", async () => {
    await table.look(5000); // the thread is up: the next limit is spent on reading
    proc.add(10, qemu(u));
    await setImmediate(); // what follows runs where timers come next, and messages after them
    const look = table.look(limitMs);
    await Promise.resolve(); // the question goes out
    const busyUntil = performance.now() + limitMs + 100;
    while (performance.now() < busyUntil);
    expect(await look).toEqual({ qemus: new Set([u]) });
    expect(table.hungWorkers).toBe(0);
  });
});
