// Those who wait for something to happen, against the whole daemon: its timer, its store, libvirt.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AgentEvent, VmsyncdClient } from "../../src/client/client.ts";
import { SimulatedHost } from "./simulated-host.ts";

const vm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";
const timeout = 20_000;

let host: SimulatedHost;
let client: VmsyncdClient;
beforeEach(async () => {
  host = await SimulatedHost.withDaemon();
  client = new VmsyncdClient({ socketPath: host.socketPath });
  await vi.waitUntil(async () => (await client.status()).libvirt.up);
  await client.endAmnesia();
  host.simulator.domains.define("db-1", vm);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

/** Kinds of the entries, until one comes. */
async function until(kind: string, events: AsyncGenerator<AgentEvent, void>): Promise<string[]> {
  const kinds: string[] = [];
  while (kinds.at(-1) !== kind) {
    const { value } = await events.next();
    if (value === undefined) throw new Error(`the events ended after ${kinds.join(", ")}`);
    if (value.event === "entry") kinds.push(value.data.kind);
  }
  return kinds;
}

/** What is said of the VM, change by change, until it runs: it may be Starting first. */
async function statesUntilRunning(etag: string | undefined): Promise<(string | undefined)[]> {
  const { report, etag: next } = await client.report({ ifNoneMatch: etag, waitSeconds: 30 });
  const state = report?.states[vm];
  return state === "Running" ? [state] : [state, ...(await statesUntilRunning(next))];
}

test("a question that waits hears of a start, and events tell of it and of the stop", {
  timeout,
}, async () => {
  const events = client.events({ kinds: ["vm-started", "vm-stopped"] });
  await events.next();
  const { etag } = await client.report({ ifNoneMatch: undefined });
  const waiting = statesUntilRunning(etag);
  await host.simulator.domains.start(vm);
  const [first] = (await waiting).filter((state) => state !== undefined);
  expect(["Starting", "Running"]).toContain(first);
  host.simulator.domains.destroy(vm);
  expect(await until("vm-stopped", events)).toEqual(["vm-started", "vm-stopped"]);
  await events.return();
});

// Else the closing would wait for them until its limit.
test("all who wait are answered when the daemon stops, which waits for none of them", {
  timeout,
}, async () => {
  const events = client.events({ kinds: ["node-heard"] });
  await events.next();
  const { etag } = await client.report({ ifNoneMatch: undefined });
  const waiting = client.report({ ifNoneMatch: etag, waitSeconds: 30 });
  const following = events.next();
  // Asked later and answered: the other question is known by now.
  await client.report({ ifNoneMatch: etag });
  await host.stopDaemon();
  expect((await waiting).report).toBeUndefined();
  expect((await following).value).toMatchObject({ event: "cut", data: { reason: "stopping" } });
});
