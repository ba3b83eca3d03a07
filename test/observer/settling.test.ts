// While libvirt does not tell of all domains, it is asked for each of them: with the real client, on
// a simulated libvirtd.

import { describe, expect, test, vi } from "vitest";
import { judge, judgeAbsent } from "../../src/core/judgement.ts";
import { isComplete } from "../../src/core/observation.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { uuid } from "./proc-folder.ts";
import { limitMs, problemOf, SettlingHost, settledOf } from "./settling-host.ts";

const { connectOpen, connectGetAllDomainStats, connectGetLibVersion, domainGetState } = procedures;
const everyDomain = { 1: "1/1", 2: "3/1", 3: "5/0", 4: "5/3" };
/** What a busy machine may add to a limit. */
const graceMs = 400;
const poll = { timeout: 20_000, interval: 10 };

async function timed<T>(promise: Promise<T>): Promise<{ ms: number; value: T }> {
  const startedMs = performance.now();
  const value = await promise;
  return { ms: performance.now() - startedMs, value };
}

// Each has a host of its own, so that the limits of all run at the same time.
describe.concurrent("a bulk call that is not answered within half the limit", () => {
  test("is made up for by a call about each domain, within the limit", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const { ms, value: look } = await timed(host.look());
    expect(ms).toBeLessThan(limitMs + graceMs);
    expect(look.domains).toBeUndefined();
    expect(settledOf(look)).toEqual(everyDomain);
    expect(look.settled.get(uuid(1))?.name).toBe("vm-1");
    expect(isComplete(look)).toBe(false);
    expect(problemOf(look)).toMatch(/^libvirt-slow: .*bulk call.*; 4 domains were settled/);
    expect(host.states).toMatchObject({ abandonedCalls: 1, abandonedCallsTotal: 1 });
  });

  test("lets each VM be judged: a stop that libvirt itself tells of one is a stop", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const judgement = judge(await host.look());
    expect([...judgement.verdicts]).toEqual([
      [uuid(1), { state: "Running" }],
      [uuid(2), { state: "Paused" }],
      [uuid(3), { state: "Stopped" }],
      [uuid(4), { state: "Crashed" }],
    ]);
    expect(judgeAbsent(judgement)).toEqual({ withheld: ["observation-incomplete"] });
  });

  test("is not made again while it hangs: the next look asks for each domain at once", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    await host.look();
    const before = host.simulator.calls.received(connectGetAllDomainStats);
    for (let asked = 0; asked < 3; asked += 1) {
      const { ms, value: look } = await timed(host.look());
      expect(ms).toBeLessThan(limitMs / 2);
      expect(settledOf(look)).toEqual(everyDomain);
    }
    expect(host.simulator.calls.received(connectGetAllDomainStats)).toBe(before);
    expect(host.simulator.calls.peakOfAll).toBeLessThanOrEqual(2);
  });

  test("and yet within the limit makes the look complete", async () => {
    await using host = await SettlingHost.start();
    const held = host.holdBulk();
    setTimeout(() => held[Symbol.dispose](), limitMs * 0.7);
    const look = await host.look();
    expect(look.settled.size).toBe(0);
    expect(look.domains?.size).toBe(4);
    expect(isComplete(look)).toBe(true);
    expect(host.states).toMatchObject({ abandonedCalls: 0, abandonedCallsTotal: 1 });
  });

  test("heals: once it is answered, however late, the next look is complete", async () => {
    await using host = await SettlingHost.start();
    const held = host.holdBulk();
    await host.look();
    held[Symbol.dispose]();
    expect(isComplete(await host.look())).toBe(true);
    expect(host.states.abandonedCalls).toBe(0);
  });
});

describe.concurrent("the second connection", () => {
  test("is opened when it is needed, kept, and registered for no events", async () => {
    await using host = await SettlingHost.start();
    const { calls } = host.simulator;
    const registrations = calls.received(procedures.connectDomainEventCallbackRegisterAny);
    await host.look();
    expect(calls.received(connectOpen)).toBe(1);
    for (const held of [host.holdBulk(), host.holdBulk()]) {
      await host.look();
      held[Symbol.dispose]();
    }
    expect(calls.received(connectOpen)).toBe(2);
    const { connectDomainEventCallbackRegisterAny } = procedures;
    expect(calls.received(connectDomainEventCallbackRegisterAny)).toBe(registrations);
  });

  test("that cannot be had leaves all domains unsettled, and says why", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const error = { kind: "error", code: 38, message: "too many clients" } as const;
    using _refusal = host.simulator.faults.inject(error, { procedures: [connectOpen] });
    const look = await host.look();
    expect(look.settled.size).toBe(0);
    expect(problemOf(look)).toMatch(/^libvirt-slow: .*0 domains were settled.*too many clients$/);
  });

  test("that breaks in the middle keeps what was settled before", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const scope = { procedures: [domainGetState], domains: [uuid(3)] };
    using _drop = host.simulator.faults.inject({ kind: "drop" }, scope);
    const look = await host.look();
    expect(settledOf(look)).toEqual({ 1: "1/1", 2: "3/1" });
    expect(problemOf(look)).toContain(`not settled: ${uuid(3)}, ${uuid(4)}; lost the connection`);
  });
});

describe.concurrent("a libvirt that does not even tell its version", () => {
  test("is asked for no domain", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const scope = { procedures: [connectGetLibVersion] };
    using _version = host.simulator.faults.inject({ kind: "hold" }, scope);
    const look = await host.look();
    expect(look.settled.size).toBe(0);
    expect(problemOf(look)).toContain("hangs as a whole");
    expect(host.singleCalls).toBe(0);
    expect(host.states.abandonedCalls).toBe(2);
    // Nor is it asked again for its version, while two calls wait.
    const before = host.simulator.calls.received(connectGetLibVersion);
    expect(problemOf(await host.look())).toContain("two calls wait");
    expect(host.simulator.calls.received(connectGetLibVersion)).toBe(before);
  });
});

describe.concurrent("a domain whose own call is not answered either", () => {
  test("is left unsettled, and with two calls waiting no further one is made", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const held = host.holdDomain(3);
    const first = await host.look();
    expect(settledOf(first)).toEqual({ 1: "1/1", 2: "3/1" });
    expect(problemOf(first)).toMatch(/not settled: \S+3, \S+4; two calls wait in libvirt/);
    expect(host.states).toMatchObject({ abandonedCalls: 2, abandonedCallsTotal: 2 });
    const before = host.singleCalls;
    for (let asked = 0; asked < 2; asked += 1) {
      expect((await host.look()).settled.size).toBe(0);
    }
    expect(host.singleCalls).toBe(before);
    expect(host.simulator.calls.peakOfAll).toBe(2);
    held[Symbol.dispose]();
    // Answered at last: there is room for a call again.
    await vi.waitFor(() => expect(host.states.abandonedCalls).toBe(1), poll);
    expect(settledOf(await host.look())).toEqual(everyDomain);
    expect(host.states).toMatchObject({ abandonedCalls: 1, abandonedCallsTotal: 2 });
  });

  test("keeps no later look from being complete, however long it waits", async () => {
    await using host = await SettlingHost.start();
    const bulk = host.holdBulk();
    using _domain = host.holdDomain(3);
    await host.look();
    bulk[Symbol.dispose]();
    expect(isComplete(await host.look())).toBe(true);
    expect(host.states.abandonedCalls).toBe(1);
  });

  test("is not asked for where its QEMU does not run: the others are told of in every look", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    using _domain = host.holdDomain(1);
    const { processes } = host.simulator.domains;
    const args = ["/usr/bin/qemu-system-x86_64", "-name", "guest=vm-1", "-uuid", uuid(1)];
    processes.add(1001, "qemu-system-x86", args, "T");
    for (let asked = 0; asked < 3; asked += 1) {
      const look = await host.look();
      expect(settledOf(look)).toEqual({ 2: "3/1", 3: "5/0", 4: "5/3" });
      expect(problemOf(look)).toMatch(/not asked for, as their QEMU did not run: \S+1$/);
      expect(judge(look).verdicts.get(uuid(1))).toEqual({ state: "Unknown" });
    }
    expect(host.states).toMatchObject({ abandonedCalls: 1, abandonedCallsTotal: 1 });
  });

  test("is not asked for either once its QEMU is gone, until libvirt tells of all again", async () => {
    await using host = await SettlingHost.start();
    const bulk = host.holdBulk();
    const domain = host.holdDomain(1);
    const { processes } = host.simulator.domains;
    const args = ["/usr/bin/qemu-system-x86_64", "-name", "guest=vm-1", "-uuid", uuid(1)];
    processes.add(1001, "qemu-system-x86", args, "T");
    await host.look();
    // libvirt has killed it, and has not let go of its domain yet.
    host.simulator.domains.loseProcess(uuid(1));
    processes.exit(1001);
    const look = await host.look();
    expect(settledOf(look)).toEqual({ 2: "3/1", 3: "5/0", 4: "5/3" });
    expect(problemOf(look)).toMatch(/not asked for, as their QEMU did not run: \S+1$/);
    expect(host.states).toMatchObject({ abandonedCalls: 1, abandonedCallsTotal: 1 });
    for (const held of [bulk, domain]) held[Symbol.dispose]();
    await vi.waitFor(() => expect(host.states.abandonedCalls).toBe(0), poll);
    await host.look();
    using _ = host.holdBulk();
    expect(settledOf(await host.look())).toMatchObject({ 1: "1/1" });
  });
});

describe.concurrent("the domains that are asked for", () => {
  test("are those of the last whole answer and those that events named since", async () => {
    await using host = await SettlingHost.start();
    host.simulator.domains.define("vm-5", uuid(5));
    host.simulator.domains.undefine(uuid(3));
    host.simulator.domains.undefine(uuid(1)); // runs on, and is there until it ends
    using _ = host.holdBulk();
    const look = await host.look();
    expect(settledOf(look)).toEqual({ 1: "1/1", 2: "3/1", 4: "5/3", 5: "5/0" });
    expect(host.singleCalls).toBe(4);
  });

  test("are not settled by libvirt's not knowing one: it proves nothing", async () => {
    await using host = await SettlingHost.start();
    host.simulator.domains.forget(uuid(3));
    using _ = host.holdBulk();
    const look = await host.look();
    expect(settledOf(look)).toEqual({ 1: "1/1", 2: "3/1", 4: "5/3" });
    expect(problemOf(look)).toContain(`not settled: ${uuid(3)}`);
    const judgement = judge(look);
    expect(judgement.verdicts.has(uuid(3))).toBe(false);
    expect(judgeAbsent(judgement)).toEqual({ withheld: ["observation-incomplete"] });
  });

  test("may have started since the processes were read: they are read once more", async () => {
    await using host = await SettlingHost.start();
    using _ = host.holdBulk();
    const look = host.look();
    // The processes are read at the beginning of the look, the domains half a limit later.
    await new Promise((resolve) => setTimeout(resolve, limitMs / 4));
    await host.simulator.domains.start(uuid(3));
    const { qemus, settled } = await look;
    expect(settled.get(uuid(3))).toMatchObject({ state: 1 });
    expect(qemus).toContain(uuid(3));
  });

  test("show hidden processes: several run and no QEMU is seen", async () => {
    await using host = await SettlingHost.start();
    host.simulator.domains.loseProcess(uuid(1));
    host.simulator.domains.loseProcess(uuid(2));
    using _ = host.holdBulk();
    const look = await host.look();
    expect(look.processesWhole).toBe(false);
    const verdicts = judge(look).verdicts;
    expect(verdicts.get(uuid(3))).toEqual({ withheld: ["observation-incomplete"] });
  });
});
