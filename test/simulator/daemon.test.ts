// What befalls the simulated daemon as a whole, seen through the client.

import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LibvirtClient, LibvirtClientOptions } from "../../src/libvirt/client.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { errorOf, RawConnection } from "../conformance/raw-connection.ts";
import { bytes, frameBytes } from "../libvirt/codec/bytes.ts";
import { Simulation } from "./simulation.ts";

const bulk = procedures.connectGetAllDomainStats;
const uuid = "00000000-0000-4000-8000-000000000001";
const timings = { execMs: 1, startMs: 2 };
let simulation: Simulation;
let simulator: Simulator;

const connect = (options?: Partial<LibvirtClientOptions>): Promise<LibvirtClient> =>
  simulation.connect(options);

beforeEach(async () => {
  simulation = await Simulation.start({ timings });
  simulator = simulation.simulator;
});
afterEach(() => simulation[Symbol.asyncDispose]());

describe("terminate()", () => {
  test("cuts connections and takes the socket away, until listen()", async () => {
    const client = await connect();
    await simulator.terminate();
    await expect(client.closed).resolves.toMatchObject({ code: "connection-lost" });
    expect(existsSync(simulator.socketPath)).toBe(false);
    await expect(connect()).rejects.toMatchObject({ code: "no-socket" });
    await simulator.listen();
    expect(await (await connect()).hostname()).toBe("simulated-host");
  });
});

describe("kill()", () => {
  test("cuts connections and leaves a socket that refuses, until listen()", async () => {
    const client = await connect();
    await simulator.kill();
    await expect(client.closed).resolves.toMatchObject({ code: "connection-lost" });
    expect(existsSync(simulator.socketPath)).toBe(true);
    await expect(connect()).rejects.toMatchObject({
      code: "connect-failed",
      cause: { code: "ECONNREFUSED" },
    });
    await simulator.listen();
    expect(await (await connect()).hostname()).toBe("simulated-host");
  });
});

describe("restart()", () => {
  test("keeps the domains and what they do", async () => {
    await simulator.domains.start(uuid, { name: "alpha" });
    const before = await (await connect()).allDomainStates();
    await simulator.restart();
    expect(await (await connect()).allDomainStates()).toEqual(before);
    expect(before).toEqual([{ name: "alpha", uuid, id: 1, state: 1, reason: 1 }]);
  });

  test("ends a hang, and forgets what was in flight", async () => {
    const client = await connect();
    simulator.faults.inject({ kind: "hang" }, { procedures: [bulk], times: 1 });
    client.allDomainStates().catch(() => {});
    await client.hostname();
    simulator.hang();
    await simulator.restart();
    await (await connect()).allDomainStates();
    expect(simulator.calls.peak(bulk)).toBe(1);
    expect(simulator.calls.received(bulk)).toBe(2);
  });
});

describe("hang() and resume()", () => {
  test("answer late what was asked meanwhile, also after two of each", async () => {
    const client = await connect();
    simulator.hang();
    simulator.hang();
    const answer = client.hostname();
    const isSilent = new Promise((resolve) => setTimeout(resolve, 50, "silent"));
    expect(await Promise.race([answer, isSilent])).toBe("silent");
    simulator.resume();
    simulator.resume();
    expect(await answer).toBe("simulated-host");
  });

  test("let a client connect that gets no answer before the end of the hang", async () => {
    simulator.hang();
    await expect(connect({ stepLimitMs: 50 })).rejects.toMatchObject({
      code: "timeout",
    });
    const connecting = connect();
    simulator.resume();
    expect(await (await connecting).hostname()).toBe("simulated-host");
  });

  test("keep events until the end of the hang", async () => {
    const events: unknown[] = [];
    const client = await connect({ onDomainEvent: (event) => events.push(event) });
    simulator.hang();
    simulator.domains.define("alpha", uuid);
    expect(events).toEqual([]);
    simulator.resume();
    await client.hostname();
    expect(events.length).toBe(1);
  });
});

describe("ping() and raw()", () => {
  test("a ping leaves a client as it was; bytes that are no frame end it", async () => {
    const client = await connect();
    simulator.ping();
    expect(await client.hostname()).toBe("simulated-host");
    simulator.raw(frameBytes({ serial: 4_711 }, bytes(1)));
    await expect(client.closed).resolves.toMatchObject({ code: "protocol-error" });
  });
});

describe("authentication", () => {
  test("by polkit is granted to whoever asks", async () => {
    await using locked = await Simulation.start({ authTypes: [2] });
    expect(await (await locked.connect()).hostname()).toBe("simulated-host");
    expect(locked.simulator.calls.received(procedures.authPolkit)).toBe(1);
  });

  test("by polkit is not had by asking what is offered", async () => {
    await using locked = await Simulation.start({ authTypes: [2] });
    using connection = await RawConnection.open(locked.simulator.socketPath);
    expect((await connection.call(66)).payload).toEqual(bytes(1, 2));
    const refusal = errorOf(await connection.call(1, bytes(1, "qemu:///system", 1)));
    expect(refusal).toMatchObject({ code: 39, message: "authentication required" });
  });

  test("by polkit is refused by an error fault", async () => {
    await using locked = await Simulation.start({ authTypes: [2] });
    const fault = { kind: "error", code: 94, message: "no agent" } as const;
    locked.simulator.faults.inject(fault, { procedures: [procedures.authPolkit] });
    await expect(locked.connect()).rejects.toMatchObject({ code: "authentication-refused" });
  });

  test("by SASL only locks this client out", async () => {
    await using locked = await Simulation.start({ authTypes: [1] });
    await expect(locked.connect()).rejects.toMatchObject({ code: "authentication-unsupported" });
  });
});

describe("call counts", () => {
  test("tell how many were received, and how many were ever in flight together", async () => {
    const client = await connect();
    await client.allDomainStates();
    await client.allDomainStates();
    expect([simulator.calls.received(bulk), simulator.calls.peak(bulk)]).toEqual([2, 1]);
    simulator.faults.inject({ kind: "delay", ms: 20 }, { procedures: [bulk] });
    await Promise.all([1, 2, 3].map(() => client.allDomainStates()));
    expect([simulator.calls.received(bulk), simulator.calls.peak(bulk)]).toEqual([5, 3]);
    expect(simulator.calls.received(procedures.domainGetState)).toBe(0);
  });
});

test("a simulator that was disposed of leaves neither socket nor process table", async () => {
  simulator.domains.define("alpha", uuid);
  await simulator[Symbol.asyncDispose]();
  expect(existsSync(simulator.socketPath)).toBe(false);
  expect(existsSync(simulator.procPath)).toBe(false);
});

test("200 domains and more fit into an answer", async () => {
  for (let index = 0; index < 500; index += 1) {
    simulator.domains.define(`vm-${index}`, uuid.slice(0, -3) + String(index).padStart(3, "0"));
  }
  const client = await connect();
  expect((await client.allDomainStates()).length).toBe(500);
  expect((await client.listAllDomains()).length).toBe(500);
});
