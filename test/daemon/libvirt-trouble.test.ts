import { describe, expect, test, vi } from "vitest";
import { type Report, VmsyncdClient } from "../../src/client/client.ts";
import { authTypes, procedures } from "../../src/libvirt/codec/protocol.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import { SimulatedHost } from "./simulated-host.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
/** An answer takes at most twice the observation limit and half a second. */
const answerMsMax = 2_500;
/** The link connects again within 5 s at most, and at once when someone asks. */
const healMsMax = 8_000;

interface Trouble {
  readonly name: string;
  /** Makes it; gives what ends it. */
  readonly begin: (simulator: Simulator) => Promise<() => Promise<unknown> | void>;
  readonly code: string;
  /** What the report says of it, and what status says. */
  readonly said: RegExp;
}

const absent: Trouble = {
  name: "absent",
  begin: async (simulator) => {
    await simulator.terminate();
    return () => simulator.listen();
  },
  code: "libvirt-unreachable",
  said: /no such socket; is libvirt running\?/,
};

const refused: Trouble = {
  name: "refused",
  begin: async (simulator) => {
    await simulator.kill();
    return () => simulator.listen();
  },
  code: "libvirt-unreachable",
  said: /refused; nothing listens on it, start libvirt/,
};

const hung: Trouble = {
  name: "hung",
  begin: async (simulator) => {
    simulator.hang();
    return () => simulator.resume();
  },
  code: "libvirt-slow",
  said: /cannot read libvirt's domains within 1000 ms/,
};

const denied: Trouble = {
  name: "denied by polkit",
  begin: async ({ faults }) => {
    const message = "authentication failed: access denied by policy";
    const scope = { procedures: [procedures.authPolkit] };
    const fault = faults.inject({ kind: "error", code: 45, message }, scope);
    return () => fault[Symbol.dispose]();
  },
  code: "libvirt-unreachable",
  said: /denied by policy|polkit/,
};

function expectUnknown(report: Report, { code, said }: Trouble): void {
  expect(report.observation.complete).toBe(false);
  expect(report.absentMeans).toBe("unknown");
  expect(report.observation.problems).toEqual([
    { code, detail: expect.stringMatching(said) as string },
  ]);
  expect(report.states).not.toHaveProperty([vm]);
  expect(report.withheld).toMatchObject([{ vmUuid: vm, reasons: ["observation-incomplete"] }]);
}

describe.each([absent, refused, hung, denied])("while libvirt is $name", (trouble) => {
  const options = { authTypes: [trouble === denied ? authTypes.polkit : authTypes.none] };

  test("the daemon starts, says that nothing is known and why, and heals by itself", {
    timeout: 2 * healMsMax,
  }, async () => {
    await using host = await SimulatedHost.start(options);
    const end = await trouble.begin(host.simulator);
    await host.startDaemon();
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    // The first call of a client has more to do; and a first start would say nothing of stops.
    await client.endAmnesia();
    const managementNode = { id: "mn-1", epoch: 1, instance: "i", sequence: 1 };
    const startedAt = performance.now();
    const report = await client.sync({ managementNode, skipList: [], expect: [vm] });
    expect(performance.now() - startedAt).toBeLessThan(answerMsMax);
    expectUnknown(report, trouble);
    const status = await client.status();
    expect(status.libvirt).toMatchObject({ up: false, detail: expect.any(String) as string });
    expect(status.observation).toMatchObject({
      complete: false,
      problems: [{ code: trouble.code }],
    });

    await end();
    // Nobody asks for a report meanwhile: the daemon connects again of its own accord.
    const isUp = async () => expect((await client.status()).libvirt.up).toBe(true);
    await vi.waitFor(isUp, { timeout: healMsMax, interval: 20 });
    expect(await client.report()).toMatchObject({
      observation: { complete: true, problems: [] },
      absentMeans: "stopped",
    });
  });
});

test("a sync that comes during a look at a hung libvirt is answered within 2.5 s", async () => {
  await using host = await SimulatedHost.start();
  await host.startDaemon();
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await client.endAmnesia();
  await client.report();
  host.simulator.hang();
  const answers = [client.report(), client.report(), client.report()].map(async (answer) => {
    const startedAt = performance.now();
    const { absentMeans } = await answer;
    return { absentMeans, isInTime: performance.now() - startedAt < answerMsMax };
  });
  const expected = { absentMeans: "unknown", isInTime: true };
  expect(await Promise.all(answers)).toEqual([expected, expected, expected]);
});

test("while libvirt does not tell of all domains, each is named, and status counts the call", async () => {
  await using host = await SimulatedHost.start();
  host.simulator.domains.define("web-7", vm);
  await host.simulator.domains.start(vm);
  await host.startDaemon();
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await client.endAmnesia();
  const isComplete = async () => {
    expect((await client.report()).observation.complete).toBe(true);
  };
  await vi.waitFor(isComplete, { timeout: healMsMax, interval: 20 });
  const scope = { procedures: [procedures.connectGetAllDomainStats] };
  const fault = host.simulator.faults.inject({ kind: "hold" }, scope);
  const report = await client.report({ include: "libvirt" });
  expect(report).toMatchObject({ absentMeans: "unknown", states: { [vm]: "Running" } });
  expect(report.libvirt).toEqual({ [vm]: { name: "web-7", state: 1, reason: 1 } });
  expect(report.observation.problems).toMatchObject([{ code: "libvirt-slow" }]);
  const counts = { abandonedCalls: 1, abandonedCallsTotal: 1 };
  expect((await client.status()).libvirt).toMatchObject(counts);
  fault[Symbol.dispose]();
  await vi.waitFor(isComplete, { timeout: healMsMax, interval: 20 });
  expect((await client.status()).libvirt).toMatchObject({ ...counts, abandonedCalls: 0 });
});
