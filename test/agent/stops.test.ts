// Stops on their way through the agent: kept across restarts, told until acknowledged, noted once.

import { beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/agent/answers.ts";
import { inboxMax } from "../../src/agent/domain-inbox.ts";
import { stopsMax } from "../../src/core/stop.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { domain, type Sighting, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { settle, StagedAgent } from "./staged-agent.ts";

const u = vm(1);
const off: Sighting = { domains: [domain(u, 5, 2)] };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

async function report(look: Sighting, expected: readonly VmUuid[] = []): Promise<Report> {
  const looking = stage.agent.observe();
  await stage.see(look);
  const delivered = stage.report(await looking, expected);
  await settle();
  return delivered;
}

function stops({ filtered }: Report): unknown {
  return filtered.stops.map(({ vmUuid, cause }) => [vmUuid, cause]);
}

describe("a stop that libvirt told of", () => {
  beforeEach(async () => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await settle();
  });

  test("is told, across a restart too, until a report that carried it is acknowledged", async () => {
    expect(stops(await report({}))).toEqual([[u, "migrated"]]);
    stage = await stage.restarted();
    const again = await report({});
    expect(again.filtered.withheld).toMatchObject([{ vmUuid: u, reasons: ["migrated-away"] }]);
    stage.agent.acknowledge("another report", "mn-1");
    expect(stops(await report({}))).toEqual([[u, "migrated"]]);
    stage.agent.acknowledge(again.reportId, "mn-1");
    await settle();
    const { filtered } = await report({});
    expect(filtered).toMatchObject({ stops: [], withheld: [], absentMeans: "stopped" });
    stage = await stage.restarted();
    expect(stops(await report({}))).toEqual([]);
  });

  test("is past when it runs again", async () => {
    stage.agent.noteDomain({ kind: "started", vmUuid: u });
    expect(stops(await report({}))).toEqual([]);
    await settle();
    stage = await stage.restarted();
    expect((await report({})).filtered.withheld).toEqual([]);
  });
});

describe("the history", () => {
  async function ofVm(): Promise<string[]> {
    const entries = await stage.entries();
    const told = entries.filter(({ vmUuid }) => vmUuid === u);
    return told.map(({ kind, by, detail }) => [kind, by, detail].filter(Boolean).join(" "));
  }

  test("says what was said of a stop once, not per report, and not again after a restart", async () => {
    await report(off);
    await report(off);
    const last = await report({ ...off, qemus: [u] });
    stage.agent.acknowledge(last.reportId, "mn-1");
    await report(off);
    stage = await stage.restarted();
    await report(off);
    expect(await ofVm()).toEqual([
      "vm-stopped agent",
      "stop-said mn-1 Stopped",
      "stop-withheld mn-1 withheld: qemu-process-alive",
    ]);
  });

  test("says who took note", async () => {
    const { reportId } = await report(off);
    stage.agent.acknowledge(reportId, "mn-1");
    await settle();
    expect(await ofVm()).toContain("stop-acknowledged mn-1");
  });

  test("says nothing of a skipped VM", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await report({ domains: [domain(u, 5, 0)] });
    expect(await ofVm()).toEqual(["claim-made mn-1 why"]);
  });

  test("knows a VM that vanished, by the first report that lets its absence mean a stop", async () => {
    await report({ domains: [domain(u, 1)], qemus: [u] });
    await report({ domains: "unknown" });
    expect(await ofVm()).toEqual([]);
    await report({});
    await report({});
    expect(await ofVm()).toEqual(["stop-said mn-1 Stopped, by absence"]);
  });
});

test("a mass disappearance is withheld by name, and believed at last", async () => {
  const vms = [1, 2, 3, 4, 5].map(vm);
  const all = { domains: vms.map((uuid) => domain(uuid, 1)), qemus: vms };
  await report(all);
  const reasons = async (): Promise<string[]> => {
    const { filtered } = await report({});
    return filtered.withheld.flatMap((one) => one.reasons);
  };
  expect(await reasons()).toEqual(vms.map(() => "mass-disappearance"));
  for (let confirmed = 0; confirmed < 2; confirmed += 1) {
    expect(await reasons()).toHaveLength(5);
    stage.nowMs += 5_000;
    stage.agent.tick();
  }
  expect(await reasons()).toEqual([]);
});

describe("a mass disappearance is doubted", () => {
  const vms = [1, 2, 3, 4, 5].map(vm);
  const all = { domains: vms.map((uuid) => domain(uuid, 1)), qemus: vms };
  const allOff = vms.map((uuid) => domain(uuid, 5, 0));

  test.each<{ after: string; look: Sighting }>([
    { after: "a look that was not complete", look: { domains: "unknown" } },
    { after: "a look that saw no process of theirs", look: { ...all, qemus: [vm(9)] } },
    {
      after: "a look whose processes were not whole",
      look: { domains: allOff, processesWhole: false },
    },
  ])("also after $after, whose report withheld them", async ({ look }) => {
    await report(all);
    stage.nowMs += 1_000;
    const reasonsOf = async (seen: Sighting): Promise<(readonly string[])[]> => {
      const { withheld } = (await report(seen, vms)).filtered;
      return withheld.filter(({ vmUuid }) => vms.includes(vmUuid)).map(({ reasons }) => reasons);
    };
    expect(await reasonsOf(look)).toHaveLength(vms.length);
    stage.nowMs += 1_000;
    expect(await reasonsOf({})).toEqual(vms.map(() => ["mass-disappearance"]));
  });

  test("but not of VMs whose ends are told, though their stops were withheld before", async () => {
    await report(all);
    stage.nowMs += 1_000;
    await report({ ...all, qemus: [vm(9)] }, vms);
    stage.nowMs += 1_000;
    for (const vmUuid of vms) stage.agent.noteDomain({ kind: "stopped", vmUuid, cause: "crashed" });
    const { states } = (await report({}, vms)).filtered;
    expect(states).toEqual(Object.fromEntries(vms.map((uuid) => [uuid, "Stopped"])));
  });
});

test("one whose ends libvirt told of is believed at once", async () => {
  const vms = [1, 2, 3, 4, 5].map(vm);
  await report({ domains: vms.map((uuid) => domain(uuid, 1)), qemus: vms });
  stage.nowMs += 1_000;
  for (const vmUuid of vms) stage.agent.noteDomain({ kind: "stopped", vmUuid, cause: "destroyed" });
  const { filtered } = await report({});
  expect(filtered.withheld).toEqual([]);
  expect(filtered.stops).toHaveLength(5);
});

describe("news of libvirt", () => {
  test("are heeded by the look that is under way, though nobody has acted on them yet", async () => {
    let isBusy = false;
    stage = await StagedAgent.start({ soon: (run) => isBusy || queueMicrotask(run) });
    const looking = stage.agent.observe();
    isBusy = true;
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await stage.see({});
    const { withheld } = stage.report(await looking).filtered;
    expect(withheld).toMatchObject([{ vmUuid: u, reasons: ["migrated-away"] }]);
  });

  test("are acted on in order, soon, and keep the moment at which they came", async () => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "crashed" });
    stage.agent.noteDomain({ kind: "started", vmUuid: u });
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "destroyed" });
    const heardAt = stage.now();
    stage.nowMs += 5;
    await settle();
    expect(stage.agent.knownOf(u).stop).toMatchObject({ cause: "destroyed", at: heardAt });
  });

  test.each<{ seen: string; look: Sighting }>([
    { seen: "off", look: off },
    { seen: "not at all", look: {} },
  ])("of a start are heeded by a look that saw the VM $seen before it", async ({ look }) => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "destroyed" });
    stage.nowMs += 1_000;
    const looking = stage.agent.observe();
    stage.nowMs += 10;
    stage.agent.noteDomain({ kind: "started", vmUuid: u });
    await stage.see(look);
    const { withheld } = stage.report(await looking, [u]).filtered;
    expect(withheld).toMatchObject([{ vmUuid: u, reasons: ["qemu-process-alive"] }]);
    expect(stage.agent.knownOf(u).stop?.cause).toBeUndefined();
    // The next look sees for itself.
    stage.nowMs += 10;
    expect((await report(off, [u])).filtered.states).toEqual({ [u]: "Stopped" });
  });

  test("that a VM moved away are not unsaid by a word without a cause", async () => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    stage.nowMs += 1_000;
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: undefined });
    const { withheld } = (await report({}, [u])).filtered;
    expect(withheld).toMatchObject([{ reasons: ["migrated-away"] }]);
  });

  test("that a VM moved away are kept however many come", async () => {
    let isBusy = false;
    stage = await StagedAgent.start({ soon: (run) => isBusy || queueMicrotask(run) });
    const looking = stage.agent.observe();
    isBusy = true;
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    for (let event = 0; event < inboxMax; event += 1) {
      stage.agent.noteDomain({ kind: "stopped", vmUuid: vm(2), cause: "destroyed" });
    }
    stage.agent.noteDomain({ kind: "stopped", vmUuid: vm(3), cause: "migrated" });
    await stage.see({});
    const { withheld } = stage.report(await looking).filtered;
    expect(withheld.map(({ vmUuid }) => vmUuid)).toEqual([u, vm(3)]);
  });

  test("in too great a number are dropped, and the host is looked at instead", async () => {
    const { looks } = stage;
    for (let event = 0; event <= inboxMax; event += 1) {
      stage.agent.noteDomain({ kind: "stopped", vmUuid: vm(event), cause: "destroyed" });
    }
    expect(stage.agent.knownOf(vm(1)).stop).toBeUndefined();
    expect(stage.looks).toBe(looks + 1);
    expect(stage.lines.at(-1)).toEqual([
      "warn too many domain events: looking at all instead",
      { events: inboxMax + 1 },
    ]);
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "destroyed" });
    await settle();
    expect(stage.agent.knownOf(u).stop).toBeDefined();
    await stage.see({});
  });
});

test("the host is looked at when nobody has asked for a while, and not before", async () => {
  const { looks } = stage;
  stage.nowMs += 29_999;
  stage.agent.observeAfter(30_000);
  expect(stage.looks).toBe(looks);
  stage.nowMs += 1;
  stage.agent.observeAfter(30_000);
  stage.agent.observeAfter(30_000);
  expect(stage.looks).toBe(looks + 1);
  await stage.see({});
});

describe("a VM that moved away is not called stopped", () => {
  const movedAway = [{ vmUuid: u, reasons: ["migrated-away"] }];
  const running: Sighting = { domains: [domain(u, 1)], qemus: [u] };

  test.each([false, true])(
    "although an older stop of it is known (acknowledged: %s), and no event told of the move",
    async (isAcknowledged) => {
      stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "shutdown" });
      const { reportId } = await report({ domains: [domain(u, 5, 1)] });
      if (isAcknowledged) stage.agent.acknowledge(reportId, "mn-1");
      await settle();
      stage.nowMs += 600_000;
      stage = await stage.restarted();
      const { filtered } = await report({ domains: [domain(u, 5, 4)] });
      expect(filtered.withheld).toMatchObject(movedAway);
      expect(filtered.stops).toMatchObject([{ cause: "migrated" }]);
    },
  );

  test("although the look during which it was told still saw it, and one before withheld it", async () => {
    await report({ domains: "unknown", processesWhole: false }, [u]);
    stage.nowMs += 1_000;
    const looking = stage.agent.observe();
    stage.nowMs += 100;
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await settle();
    await stage.see(running);
    stage.report(await looking);
    await settle();
    stage.nowMs += 1_000;
    expect((await report({}, [u])).filtered.withheld).toMatchObject(movedAway);
  });

  test.each([
    { how: "events", isTold: true },
    { how: "a look", isTold: false },
  ])("although its return was tried and failed, as $how shows", async ({ isTold }) => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await report({});
    stage.nowMs += 1_000;
    if (isTold) stage.agent.noteDomain({ kind: "started", vmUuid: u, isIncoming: true });
    expect((await report({ domains: [domain(u, 3, 2)], qemus: [u] })).filtered.states).toEqual({
      [u]: "Paused",
    });
    stage.nowMs += 1_000;
    if (isTold) stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "failed" });
    await settle();
    stage.nowMs += 1_000;
    expect((await report({}, [u])).filtered.withheld).toMatchObject(movedAway);
  });

  test("until it ran here again", async () => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await settle();
    stage.nowMs += 1_000;
    await report(running);
    stage.nowMs += 1_000;
    expect((await report({}, [u])).filtered.states).toEqual({ [u]: "Stopped" });
  });

  test("although a question names more VMs than stops are kept", async () => {
    stage.agent.noteDomain({ kind: "stopped", vmUuid: u, cause: "migrated" });
    await report({});
    await report(
      {},
      Array.from({ length: stopsMax }, (_, number) => vm(number + 10)),
    );
    expect((await report({}, [u])).filtered.withheld).toMatchObject(movedAway);
  });
});
