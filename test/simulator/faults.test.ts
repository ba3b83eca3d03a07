// Every fault does what its documentation says, seen through the client.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LibvirtClient, LibvirtClientOptions } from "../../src/libvirt/client.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { Simulation } from "./simulation.ts";

const { connectGetHostname, connectGetAllDomainStats, connectListAllDomains } = procedures;
let simulation: Simulation;
let simulator: Simulator;

beforeEach(async () => {
  simulation = await Simulation.start();
  simulator = simulation.simulator;
});
afterEach(() => simulation[Symbol.asyncDispose]());

const connect = (options?: Partial<LibvirtClientOptions>): Promise<LibvirtClient> =>
  simulation.connect(options);

/** Domains enough for an answer of several kilobytes. */
function defineDomains(count: number): void {
  for (let index = 0; index < count; index += 1) {
    const uuid = `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`;
    simulator.domains.define(`vm-${index}`, uuid);
  }
}

test("delay: the answer comes so much later, and other calls overtake it", async () => {
  const client = await connect();
  simulator.faults.inject({ kind: "delay", ms: 100 }, { procedures: [connectGetHostname] });
  const order: string[] = [];
  const startedMs = performance.now();
  const late = client.hostname().then(() => order.push("late"));
  await client.libraryVersion().then(() => order.push("other"));
  await late;
  expect(order).toEqual(["other", "late"]);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(99);
});

test("hang: the answer never comes, other calls are answered", async () => {
  const client = await connect({ stepLimitMs: 100 });
  simulator.faults.inject({ kind: "hang" }, { procedures: [connectGetHostname] });
  await expect(client.hostname()).rejects.toMatchObject({ code: "timeout" });
  expect(await client.libraryVersion()).toMatchObject({ major: 9 });
  expect(client.abandonedCalls).toBe(1);
});

test("hold: the answer comes when the fault is taken away", async () => {
  const client = await connect();
  const fault = simulator.faults.inject({ kind: "hold" }, { procedures: [connectGetHostname] });
  const order: string[] = [];
  const held = client.hostname().then(() => order.push("held"));
  await client.libraryVersion().then(() => order.push("other"));
  expect(simulator.calls.inFlight).toBe(1);
  fault[Symbol.dispose]();
  await held;
  expect(order).toEqual(["other", "held"]);
  expect(simulator.calls).toMatchObject({ inFlight: 0, peakOfAll: 2 });
});

test("drop: the connection is closed instead of an answer, and a new one works", async () => {
  const client = await connect();
  simulator.faults.inject({ kind: "drop" }, { times: 1 });
  await expect(client.hostname()).rejects.toMatchObject({ code: "connection-lost" });
  expect(await (await connect()).hostname()).toBe("simulated-host");
});

test("garbage: bytes that are no frame come instead of the answer", async () => {
  const client = await connect();
  simulator.faults.inject({ kind: "garbage" }, { times: 1 });
  const other = client.libraryVersion();
  await expect(client.hostname()).rejects.toMatchObject({ code: "protocol-error" });
  await expect(other).rejects.toMatchObject({ code: "protocol-error" });
});

describe("cut: the answer breaks off and the connection closes", () => {
  test.each([0, 1, 4, 27, 28, 40, 1_000_000])("after %i bytes", async (afterBytes) => {
    const client = await connect();
    simulator.faults.inject({ kind: "cut", afterBytes }, { times: 1 });
    await expect(client.hostname()).rejects.toMatchObject({ code: "connection-lost" });
  });
});

describe("dribble: the answer arrives one byte at a time", () => {
  test("and is the same", async () => {
    defineDomains(20);
    const client = await connect();
    const whole = await client.allDomainStates();
    using _ = simulator.faults.inject({ kind: "dribble" });
    expect(await client.allDomainStates()).toEqual(whole);
    expect(whole.length).toBe(20);
  });

  test("and nothing comes between its bytes: not other answers, events or pings", async () => {
    defineDomains(5);
    const events: unknown[] = [];
    const client = await connect({ onDomainEvent: (event) => events.push(event) });
    simulator.faults.inject({ kind: "dribble" }, { procedures: [connectGetAllDomainStats] });
    const calls = [client.allDomainStates(), client.hostname(), client.allDomainStates()];
    await client.libraryVersion().then(() => defineDomains(6));
    simulator.ping();
    expect(await Promise.all(calls)).toMatchObject([{ length: 5 }, "simulated-host", {}]);
    await client.hostname();
    expect(events.length).toBe(6);
  });
});

test("partial: a list and a bulk answer name only the first domains", async () => {
  defineDomains(5);
  const client = await connect();
  using _ = simulator.faults.inject(
    { kind: "partial", domains: 2 },
    { procedures: [connectGetAllDomainStats, connectListAllDomains] },
  );
  const names = [{ name: "vm-0" }, { name: "vm-1" }];
  expect(await client.allDomainStates()).toMatchObject(names);
  expect(await client.listAllDomains()).toMatchObject(names);
});

test("error: libvirt answers with this error, and the connection lives", async () => {
  const client = await connect();
  simulator.faults.inject({ kind: "error", code: 38, message: "out of files" }, { times: 1 });
  const failing = client.hostname();
  await expect(failing).rejects.toMatchObject({ name: "LibvirtError", code: 38 });
  await expect(failing).rejects.toThrow("out of files");
  expect(await client.hostname()).toBe("simulated-host");
});

describe("a fault", () => {
  const error = { kind: "error", code: 1, message: "injected" } as const;

  test("applies to its procedures and to no others", async () => {
    const client = await connect();
    simulator.faults.inject(error, { procedures: [connectGetHostname] });
    expect(await client.libraryVersion()).toMatchObject({ major: 9 });
    await expect(client.hostname()).rejects.toThrow("injected");
  });

  test("applies to calls about its domains and to no others, and to no list", async () => {
    defineDomains(2);
    const client = await connect();
    const [first, second] = await client.allDomainStates();
    if (first === undefined || second === undefined) throw new Error("cannot find the domains");
    simulator.faults.inject(error, { domains: [first.uuid] });
    await expect(client.domainState(first)).rejects.toThrow("injected");
    expect(await client.domainState(second)).toEqual({ state: 5, reason: 0 });
    expect(await client.allDomainStates()).toHaveLength(2);
    expect(await client.hostname()).toBe("simulated-host");
  });

  test("applies so many times, counting only calls that it matches", async () => {
    const client = await connect();
    simulator.faults.inject(error, { procedures: [connectGetHostname], times: 2 });
    await client.libraryVersion();
    await expect(client.hostname()).rejects.toThrow("injected");
    await expect(client.hostname()).rejects.toThrow("injected");
    expect(await client.hostname()).toBe("simulated-host");
  });

  test("applies until it is disposed of, and the one behind it from then on", async () => {
    const client = await connect();
    const first = simulator.faults.inject(error);
    const second = simulator.faults.inject({ ...error, message: "behind" });
    await expect(client.hostname()).rejects.toThrow("injected");
    first[Symbol.dispose]();
    await expect(client.hostname()).rejects.toThrow("behind");
    second[Symbol.dispose]();
    expect(await client.hostname()).toBe("simulated-host");
  });

  test("meets the steps of connecting too", async () => {
    simulator.faults.inject(error, { procedures: [procedures.connectOpen], times: 1 });
    await expect(connect()).rejects.toThrow("injected");
    await connect();
  });
});
