// The interleavings that went wrong in the history of skip lists, told again to the whole of this
// product.

import { describe, expect, test } from "vitest";
import { saysStopped } from "./checkers/words-of-report.ts";
import { node, Scene, settledMs } from "./scene.ts";

describe("management nodes, their database and an HA module", () => {
  test("a VM whose management node dies while it starts is not started again elsewhere", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    for (const manager of world.managers) scene.at(1_000, () => manager.start());
    const hostA = world.host("hostA");
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    // The order waits on its host; its giver dies, and the other one looks at once.
    world.orderPorts.delayNextMs = 12_000;
    scene.at(settledMs + 1_000, () => world.managers[0]?.crash(1_000_000));
    scene.at(settledMs + 1_500, () => world.managers[1]?.declareDeparted(0));
    await scene.until(settledMs + 40_000);
    expect(hostA.runOf(vm)?.phase).toBe("running");
    expect(world.host("hostB").runs).toEqual([]);
    expect(world.database.row(vm)).toMatchObject({ state: "Running", host: "hostA" });
    expect(scene.broken()).toEqual([]);
  });

  test("a VM that starts elsewhere is not judged by its last host", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    for (const manager of world.managers) scene.at(1_000, () => manager.start());
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    scene.at(settledMs + 5_000, () => world.managers[0]?.operateOn(vm, "stop", "hostA"));
    scene.at(settledMs + 10_000, () => {
      world.orderPorts.delayNextMs = 9_000;
      world.managers[0]?.operateOn(vm, "start", "hostB");
    });
    scene.at(settledMs + 12_000, () => world.managers[1]?.process?.syncAll());
    await scene.until(settledMs + 15_000);
    expect(world.database.row(vm).state).toBe("Starting");
    await scene.until(settledMs + 30_000);
    expect(world.database.row(vm)).toMatchObject({ state: "Running", host: "hostB" });
    expect(world.judgements).toEqual([]);
    expect(scene.broken()).toEqual([]);
  });

  test("a management node that joins with an empty list does not judge a VM that another starts", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    scene.at(1_000, () => world.managers[0]?.start());
    scene.at(settledMs, () => {
      world.orderPorts.delayNextMs = 8_000;
      world.managers[0]?.operateOn(vm, "start", "hostA");
    });
    scene.at(settledMs + 2_000, () => world.managers[1]?.start());
    await scene.until(settledMs + 20_000);
    expect(world.judgements).toEqual([]);
    expect(world.database.row(vm)).toMatchObject({ state: "Running", host: "hostA" });
    expect(scene.broken()).toEqual([]);
  });

  test("a start that is given up and happens late is not taken for a stop meanwhile", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    for (const manager of world.managers) scene.at(1_000, () => manager.start());
    scene.at(settledMs, () => {
      world.orderPorts.delayNextMs = 32_000;
      world.managers[0]?.operateOn(vm, "start", "hostA");
    });
    await scene.until(settledMs + 60_000);
    expect(world.host("hostA").runOf(vm)?.phase).toBe("running");
    expect(world.host("hostB").runs).toEqual([]);
    expect(scene.broken()).toEqual([]);
  });

  test("a migration whose management node dies is judged by neither end", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    for (const manager of world.managers) scene.at(1_000, () => manager.start());
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    scene.at(settledMs + 5_000, () => world.managers[0]?.operateOn(vm, "migrate", "hostA"));
    scene.at(settledMs + 6_000, () => world.managers[0]?.crash(1_000_000));
    scene.at(settledMs + 6_500, () => world.managers[1]?.declareDeparted(0));
    await scene.until(settledMs + 60_000);
    expect(world.host("hostB").runOf(vm)?.phase).toBe("running");
    expect(world.host("hostA").runOf(vm)).toBeUndefined();
    expect(world.judgements).toEqual([]);
    expect(world.database.row(vm)).toMatchObject({ state: "Running", host: "hostB" });
    expect(scene.broken()).toEqual([]);
  });

  test("a VM that dies is found and started again, once", async () => {
    const scene = new Scene({ managementNodes: 2 });
    const { world, vm } = scene;
    for (const manager of world.managers) scene.at(1_000, () => manager.start());
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    scene.at(settledMs + 10_000, () => {
      const run = world.host("hostA").runOf(vm);
      if (run !== undefined) world.host("hostA").end(run, "crashed");
    });
    await scene.until(settledMs + 40_000);
    const running = world.hosts.filter((host) => host.runOf(vm)?.phase === "running");
    expect(running.length).toBe(1);
    expect(world.judgements.length).toBe(1);
    expect(scene.broken()).toEqual([]);
  });
});

describe("one agent", () => {
  test("the late claim of a node that was declared dead does not hide a VM for ever", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.ask("hostA", "PUT", "/v1/management-nodes/mn1", { managementNode: node("mn1", 1) });
    await scene.ask("hostA", "DELETE", "/v1/management-nodes/mn1?epoch=1&caller=mn2");
    const { status } = await scene.claim(node("mn1", 2), "late");
    expect(status).toBe(200);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(false);
    // Nobody will ever continue it: its lease lapses, and its TTL is over.
    await scene.until(settledMs + 10_000 + 20_000 + 2_000);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(true);
    expect(scene.broken()).toEqual([]);
  });

  test("a continue that overtakes its claim wins", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    const path = `/v1/claims/${scene.vm}/fast?managementNode=mn1`;
    expect((await scene.ask("hostA", "DELETE", path)).status).toBe(200);
    expect((await scene.claim(node("mn1", 1), "fast")).status).toBe(409);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(true);
    expect(scene.broken()).toEqual([]);
  });

  test("of two operations on a VM each ends its own claim", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.claim(node("mn1", 1), "migrate");
    await scene.claim(node("mn1", 2), "start");
    await scene.ask("hostA", "DELETE", `/v1/claims/${scene.vm}/migrate?managementNode=mn1`);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(false);
    await scene.ask("hostA", "DELETE", `/v1/claims/${scene.vm}/start?managementNode=mn1`);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(true);
    expect(scene.broken()).toEqual([]);
  });

  test("an operation that begins and ends inside one observation is honoured by its report", async () => {
    const scene = new Scene({ lookMs: 800 });
    await scene.until(settledMs);
    const { vm } = scene;
    const reading = scene.report();
    scene.at(settledMs + 100, () => void scene.claim(node("mn1", 1), "start"));
    scene.at(settledMs + 300, () => {
      void scene.ask("hostA", "DELETE", `/v1/claims/${vm}/start?managementNode=mn1`);
    });
    const report = await reading;
    expect(report.observation.complete).toBe(true);
    expect(saysStopped(report, vm)).toBe(false);
    expect(saysStopped(await scene.report(), vm)).toBe(true);
    expect(scene.broken()).toEqual([]);
  });

  test("a domain that is there before its QEMU is Starting, not stopped", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    scene.world.host("hostA").start(scene.vm, "by hand");
    const report = await scene.report();
    expect(report.states[scene.vm]).toBe("Starting");
    expect(scene.broken()).toEqual([]);
  });

  test("a libvirtd that hangs makes nobody stopped", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    scene.world.host("hostA").upset("hangs", 10_000);
    const report = await scene.report();
    expect(report.observation.complete).toBe(false);
    expect(saysStopped(report, scene.vm)).toBe(false);
    expect(scene.broken()).toEqual([]);
  });

  test("a list of its owner revives a claim whose TTL ran out during a long migration", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.claim(node("mn1", 1), "migrate");
    await scene.until(settledMs + 10_000 + 20_000 + 2_000);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(true);
    const skipList = [{ vmUuid: scene.vm, operationId: "migrate", reason: "migrate" }];
    const body = { managementNode: node("mn1", 2), skipList };
    expect((await scene.ask("hostA", "POST", "/v1/sync", body)).status).toBe(200);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(false);
    expect(scene.broken()).toEqual([]);
  });

  test("an owner may continue a claim whose TTL ran out", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.claim(node("mn1", 1), "migrate");
    await scene.until(settledMs + 10_000 + 20_000 + 2_000);
    const path = `/v1/claims/${scene.vm}/migrate?managementNode=mn1&caller=mn1&callerEpoch=1&callerSequence=2`;
    expect((await scene.ask("hostA", "DELETE", path)).status).toBe(200);
    expect((await scene.claim(node("mn1", 3), "migrate")).status).toBe(409);
    expect(scene.broken()).toEqual([]);
  });

  test("the explicit end of an orphan ends it at once", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.claim(node("mn1", 1), "start");
    await scene.ask("hostA", "DELETE", "/v1/management-nodes/mn1?epoch=1&caller=mn2");
    await scene.ask(
      "hostA",
      "DELETE",
      `/v1/claims/${scene.vm}/start?managementNode=mn1&caller=mn2`,
    );
    expect(saysStopped(await scene.report(), scene.vm)).toBe(true);
    expect(scene.broken()).toEqual([]);
  });

  test("a second process under one id is refused, and does not end the first one's claims", async () => {
    const scene = new Scene();
    await scene.until(settledMs);
    await scene.claim(node("mn1", 1), "start");
    const twin = { ...node("mn1", 9), instance: "twin" };
    const answer = await scene.ask("hostA", "POST", "/v1/sync", {
      managementNode: twin,
      skipList: [],
    });
    expect(answer.status).toBe(409);
    expect(saysStopped(await scene.report(), scene.vm)).toBe(false);
    expect(scene.broken()).toEqual([]);
  });
});

describe("the rules for management nodes", () => {
  test("a report from before a restart does not judge the VM after it", async () => {
    const scene = new Scene({ managementNodes: 2, syncIntervalMs: 1_000_000 });
    const { world, vm } = scene;
    const [one, two] = world.managers;
    scene.at(1_000, () => one?.start());
    scene.at(1_000, () => two?.start());
    scene.at(settledMs, () => one?.operateOn(vm, "start", "hostA"));
    await scene.until(settledMs + 5_000);
    const hostA = world.host("hostA");
    const run = hostA.runOf(vm);
    if (run === undefined) throw new Error("the VM does not run");
    hostA.end(run, "crashed");
    await scene.until(settledMs + 6_000);
    // The second one asks, and stands still before the answer arrives.
    two?.process?.syncAll();
    await scene.until(settledMs + 6_000.2);
    two?.stall(15_000);
    await scene.until(settledMs + 6_100);
    // The first one finds the VM stopped, and it is started where it was.
    world.database.change(vm, world.database.row(vm).version, {
      state: "Stopped",
      host: undefined,
    });
    one?.operateOn(vm, "start", "hostA");
    await scene.until(settledMs + 40_000);
    expect(world.database.row(vm)).toMatchObject({ state: "Running", host: "hostA" });
    expect(world.judgements).toEqual([]);
    expect(world.host("hostB").runs).toEqual([]);
    expect(scene.broken()).toEqual([]);
  });

  test("an operation is claimed on every host whose report may judge the VM", async () => {
    const scene = new Scene({ managementNodes: 1 });
    const { world, vm } = scene;
    scene.at(1_000, () => world.managers[0]?.start());
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    scene.at(settledMs + 5_000, () => world.managers[0]?.operateOn(vm, "migrate", "hostA"));
    await scene.until(settledMs + 6_500);
    for (const host of ["hostA", "hostB"] as const) {
      const report = await scene.report(host);
      expect(report.skipped.map(({ vmUuid }) => vmUuid)).toEqual([vm]);
    }
    await scene.until(settledMs + 30_000);
    for (const host of ["hostA", "hostB"] as const) {
      expect((await scene.report(host)).skipped).toEqual([]);
    }
    expect(scene.broken()).toEqual([]);
  });

  test("a report of a store that the host no longer has judges nothing", async () => {
    const scene = new Scene({ managementNodes: 1, syncIntervalMs: 2_000 });
    const { world, vm } = scene;
    scene.at(1_000, () => world.managers[0]?.start());
    scene.at(settledMs, () => world.managers[0]?.operateOn(vm, "start", "hostA"));
    await scene.until(settledMs + 5_000);
    const was = world.database.currentStore("hostA");
    world.agents[0]?.kill();
    world.disks[0]?.lose();
    world.agents[0]?.storeMet("lost");
    scene.at(settledMs + 6_000, () => void world.agents[0]?.start());
    await scene.until(settledMs + 15_000);
    expect(world.database.currentStore("hostA")).not.toBe(was);
    expect(world.judgements).toEqual([]);
    expect(scene.broken()).toEqual([]);
  });
});
