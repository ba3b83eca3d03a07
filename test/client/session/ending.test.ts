// How a session lives and ends: heartbeats, departures, another process under its id, stop, and
// what the next session takes over.

import { beforeEach, describe, expect, test } from "vitest";
import type { ManagementNodeSession } from "../../../src/client/session/management-node-session.ts";
import { SupersededError } from "../../../src/client/session/errors.ts";
import { awaited, FakeCloud, operation, otherVm, settled, stateOf, vm } from "./fake-cloud.ts";
import { refusal, unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});

describe("a heartbeat", () => {
  test("is a list where one is due, and small where none is", async () => {
    const session = cloud.session();
    session.adopt(operation());
    await session.heartbeat("a");
    await session.heartbeat("a");
    await session.heartbeat("a");
    expect(cloud.a.sent.map(({ name, list }) => [name, list])).toEqual([
      ["sync", ["op-1"]],
      ["sync", ["op-1"]],
      ["heartbeat", undefined],
    ]);
    expect(cloud.a.sentOf("heartbeat")[0]?.managementNode).toEqual({
      id: "mn-1",
      epoch: 7,
      instance: "i-1",
      sequence: 3,
      storeId: "store-1",
      agentEpoch: 1,
    });
  });

  test("that another store answers is followed by the list at once", async () => {
    const session = cloud.session();
    await session.begin(operation());
    await session.sync("a");
    await session.sync("a");
    cloud.a.sent.length = 0;
    cloud.a.run = { storeId: "store-2", epoch: 1 };
    const entry = { vmUuid: vm, operationId: "op-1", code: "too-many-claims" as const, detail: "" };
    cloud.a.says = { refused: [entry] };
    expect(await session.heartbeat("a")).toEqual([entry]);
    expect(cloud.a.sent.map(({ name, list }) => [name, list])).toEqual([
      ["heartbeat", undefined],
      ["sync", ["op-1"]],
    ]);
  });
});

describe("a departure", () => {
  test("is told to every host, repeatedly if need be", async () => {
    cloud.b.fail("depart", unreachable);
    const told = cloud.session().departed(["a", "b"], "mn-2", 4);
    await cloud.clock.advance(200);
    expect(await stateOf(told)).toBe("resolved");
    expect(cloud.a.sentOf("depart").map(({ args }) => args)).toEqual([["mn-2", 4, "mn-1"]]);
    expect(cloud.b.sentOf("depart")).toHaveLength(2);
  });

  test("that one host cannot be told is told to the others", async () => {
    cloud.a.fail("depart", ...Array.from({ length: 99 }, () => unreachable));
    const told = awaited(cloud.session().departed(["a", "b"], "mn-2", 4));
    expect(await stateOf(told)).toBeUndefined();
    await cloud.clock.advance(60_000);
    await expect(told).rejects.toMatchObject({ code: "not-told", cause: unreachable });
    expect(cloud.b.sentOf("depart")).toHaveLength(1);
  });
});

/** Every call that rejects when the session is over. */
const everyCall: Readonly<Record<string, (session: ManagementNodeSession) => Promise<unknown>>> = {
  begin: (session) => session.begin(operation({ operationId: "new" })),
  finish: (session) => session.finish(vm, "op-1", "known"),
  sync: (session) => session.sync("a"),
  heartbeat: (session) => session.heartbeat("a"),
  departed: (session) => session.departed(["a"], "mn-2", 1),
  adopt: async (session) => session.adopt(operation({ operationId: "new" })),
};

describe.each(["stale-epoch", "instance-conflict"] as const)("a refusal by %s", (code) => {
  const superseded = async (options = {}) => {
    const session = cloud.session(options);
    await session.begin(operation());
    cloud.a.fail("sync", refusal(code, 9));
    const synced = session.sync("a");
    await expect(synced).rejects.toMatchObject({ name: "SupersededError", code, currentEpoch: 9 });
    return session;
  };

  test("is said once to the owner, with the epoch in force", async () => {
    const heard: SupersededError[] = [];
    const session = await superseded({
      onSuperseded: (error: SupersededError) => heard.push(error),
    });
    cloud.b.fail("sync", refusal(code, 10));
    await expect(session.sync("b")).rejects.toBe(heard[0]);
    expect(heard.map(({ currentEpoch }) => currentEpoch)).toEqual([9]);
  });

  test.each(Object.keys(everyCall))(
    "ends the session: %s rejects and sends nothing",
    async (name) => {
      const session = await superseded();
      cloud.a.sent.length = 0;
      await expect(everyCall[name]?.(session)).rejects.toBeInstanceOf(SupersededError);
      expect(cloud.a.sent).toEqual([]);
    },
  );

  test("rejects a begin and a finish that are under way, and repeats neither", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.fail("continueClaim", unreachable);
    const over = session.finish(vm, "op-1", "known");
    cloud.b.hold("claim");
    const second = operation({ vmUuid: otherVm, operationId: "op-2" });
    const begun = awaited(session.begin(second));
    await settled();
    cloud.a.fail("heartbeat", refusal(code, 9));
    cloud.a.fail("sync", refusal(code, 9));
    await expect(session.heartbeat("a")).rejects.toBeInstanceOf(SupersededError);
    expect(await stateOf(over)).toBe(`rejected: ${code}`);
    expect(await stateOf(begun)).toBe(`rejected: ${code}`);
    const count = cloud.b.sent.length;
    await cloud.clock.advance(600_000);
    expect(cloud.b.sent).toHaveLength(count);
  });

  test("of a claim rejects its begin as superseded, without a continue", async () => {
    cloud.b.fail("claim", refusal(code, 9));
    const begun = cloud.session().begin(operation());
    await expect(begun).rejects.toMatchObject({ code, currentEpoch: 9 });
    await cloud.clock.advance(600_000);
    expect(cloud.a.sentOf("continueClaim")).toEqual([]);
  });
});

describe("stop", () => {
  test.each(Object.keys(everyCall))(
    "ends the session: %s rejects and sends nothing",
    async (name) => {
      const session = cloud.session();
      session.adopt(operation());
      session.stop();
      await expect(everyCall[name]?.(session)).rejects.toMatchObject({ code: "stopped" });
      expect(cloud.a.sent).toEqual([]);
    },
  );

  test("abandons what waits and what is under way, and leaves no sleeper", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.a.fail("continueClaim", unreachable);
    const over = session.finish(vm, "op-1", "known");
    cloud.b.fail("claim", unreachable);
    const second = operation({ vmUuid: otherVm, operationId: "op-2" });
    const begun = awaited(session.begin(second));
    cloud.b.hold("sync");
    const synced = awaited(session.sync("b"));
    const arrive = cloud.a.hold("sync");
    const answered = awaited(session.sync("a"));
    await settled();
    expect(cloud.clock.sleepers).toBe(2);
    session.stop();
    arrive();
    expect(await stateOf(over)).toBe("rejected: stopped");
    expect(await stateOf(begun)).toBe("rejected: stopped");
    expect(await stateOf(answered)).toBe("rejected: stopped");
    expect(await stateOf(synced)).toBeUndefined();
    expect(cloud.clock.sleepers).toBe(0);
    const count = cloud.a.sent.length + cloud.b.sent.length;
    await cloud.clock.advance(600_000);
    expect(cloud.a.sent.length + cloud.b.sent.length).toBe(count);
  });

  test("is not told to the owner as being superseded, and may be repeated", () => {
    const heard: SupersededError[] = [];
    const session = cloud.session({ onSuperseded: (error) => heard.push(error) });
    session.stop();
    session.stop();
    expect(heard).toEqual([]);
  });
});

describe("the next session", () => {
  test("takes over what the one before had in flight, and what nobody answered", async () => {
    const before = cloud.session();
    await before.begin(operation());
    await before.begin(operation({ vmUuid: otherVm, operationId: "op-2", hosts: ["a"] }));
    cloud.a.fail("continueClaim", unreachable);
    void before.finish(otherVm, "op-2", "known");
    await settled();
    before.stop();

    const after = cloud.session({ epoch: 8, instance: "i-2" });
    for (const { outcome, ...statement } of before.operations()) {
      after.adopt(statement);
      if (outcome !== undefined) {
        void after.finish(statement.vmUuid, statement.operationId, outcome);
      }
    }
    await after.sync("a");
    expect(cloud.a.sentOf("sync")[0]).toMatchObject({ list: ["op-1"] });
    expect([...cloud.a.live.keys()]).toEqual(["op-1"]);
    expect(cloud.a.sentOf("continueClaim").at(-1)).toMatchObject({ operationId: "op-2" });
    await after.finish(vm, "op-1", "known");
    expect([...cloud.a.live, ...cloud.b.live]).toEqual([]);
  });
});
