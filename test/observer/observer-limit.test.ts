// The observer over its real ports: whatever hangs, an observation ends within its limit.

import { performance } from "node:perf_hooks";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isComplete, type Observation } from "../../src/core/observation.ts";
import type { DomainStateRecord } from "../../src/libvirt/codec/messages.ts";
import { DomainStates } from "../../src/observer/domain-states.ts";
import { Observer } from "../../src/observer/observer.ts";
import { ProcessTable } from "../../src/observer/process-table.ts";
import { ProcFolder, qemu, uuid } from "./proc-folder.ts";

const limitMs = 300;
/** What an answer may take beyond the limits of its observations. */
const graceMs = 500;
const u = uuid(1);
const shutOff = { uuid: u, name: "u", id: -1, state: 5, reason: 1 };

let proc: ProcFolder;
let table: ProcessTable;
/** What libvirt does on being asked for a connection, and for its domains. */
let connect: () => Promise<unknown>;
let answer: () => Promise<DomainStateRecord[]>;

beforeEach(async () => {
  proc = new ProcFolder();
  table = new ProcessTable(proc.path);
  await table.look(5000); // its thread is up
  connect = () => Promise.resolve();
  answer = () => Promise.resolve([shutOff]);
});
afterEach(async () => {
  proc[Symbol.dispose]();
  await table[Symbol.asyncDispose]();
});

async function look(observationLimitMs = limitMs): Promise<Observation> {
  const source = { client: () => connect().then(() => ({ allDomainStates: () => answer() })) };
  const second = { client: hangs };
  const now = () => ({ ms: performance.now(), wallMs: 0 });
  const ports = { now, domains: new DomainStates(source, second), processes: table };
  const observer = new Observer(ports, observationLimitMs);
  const before = performance.now();
  const observation = await observer.look();
  expect(performance.now() - before).toBeLessThan(observationLimitMs + graceMs);
  return observation;
}

const hangs = () => new Promise<never>(() => {});

test("where nothing hangs it is complete", async () => {
  proc.add(10, qemu(u));
  const observation = await look(5000);
  expect(observation).toMatchObject({ qemus: new Set([u]), problems: [] });
  expect(isComplete(observation)).toBe(true);
});

test.each([
  ["the connection", () => (connect = hangs), ["libvirt-slow"]],
  ["the bulk call", () => (answer = hangs), ["libvirt-slow"]],
  ["a command line", () => proc.hang(10), ["process-table-slow"]],
  [
    "everything",
    () => {
      answer = hangs;
      proc.hang(10);
    },
    ["libvirt-slow", "process-table-slow"],
  ],
])("where %s hangs it ends within its limit, incomplete", async (_, hang, codes) => {
  hang();
  const observation = await look();
  // On a machine that is busy enough, the processes are slow too.
  const seen = observation.problems.map(({ code }) => code);
  expect(seen).toEqual(expect.arrayContaining(codes));
  expect(isComplete(observation)).toBe(false);
});

test("where the second look at the processes hangs it ends within its limit, incomplete", async () => {
  answer = () => {
    proc.hang(10, qemu(u)); // starts, and hangs, while libvirt answers
    return Promise.resolve([{ ...shutOff, state: 1 }]);
  };
  const observation = await look();
  expect(isComplete(observation)).toBe(false);
});
