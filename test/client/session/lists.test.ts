// Rule 4: the sequence and the list are taken together; the whole list is sent after a reconnect, a
// 409, and whenever the store or the run of the agent changed.

import { beforeEach, describe, expect, test } from "vitest";
import { FakeCloud, operation, otherVm, settled, stateOf, vm } from "./fake-cloud.ts";
import { refusal, unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});
const listsToA = () => cloud.a.sentOf("sync").map(({ list }) => list);

describe("a list", () => {
  test("goes with every sync and names what concerns the host", async () => {
    const session = cloud.session();
    await session.begin(operation({ operationId: "both", orphanTtlSeconds: 60 }));
    await session.begin(operation({ operationId: "other", hosts: ["b"], vmUuid: otherVm }));
    await session.sync("a", { expect: [vm] });
    await session.sync("a");
    expect(listsToA()).toEqual([["both"], ["both"]]);
    expect(cloud.a.sentOf("sync")[0]?.args).toMatchObject([
      {
        skipList: [{ vmUuid: vm, operationId: "both", reason: "start", orphanTtlSeconds: 60 }],
        expect: [vm],
      },
    ]);
  });

  test("names an operation from the first attempt to claim it", async () => {
    const session = cloud.session();
    cloud.a.hold("claim");
    void session.begin(operation());
    await settled();
    await session.sync("a");
    expect(listsToA()).toEqual([["op-1"]]);
  });

  test("no longer names what is over, so that it heals a lost continue", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.a.fail("continueClaim", ...Array.from({ length: 9 }, () => unreachable));
    void session.finish(vm, "op-1", "known");
    await session.sync("a");
    expect(listsToA()).toEqual([[]]);
    expect([...cloud.a.live]).toEqual([]);
  });

  test("names an operation of unknown outcome until the host has answered, so as not to end it", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.a.fail("continueClaim", unreachable);
    void session.finish(vm, "op-1", "unknown");
    await session.sync("a");
    expect([...cloud.a.live.keys()]).toEqual(["op-1"]);
    await cloud.clock.advance(200);
    await session.sync("a");
    expect(listsToA()).toEqual([["op-1"], []]);
  });

  test("gives a sequence above those of all that it names, and below what comes after", async () => {
    const session = cloud.session();
    await session.begin(operation({ operationId: "before" }));
    const synced = session.sync("a");
    const begun = session.begin(operation({ operationId: "after" }));
    await Promise.all([synced, begun]);
    const sequenceOf = (id: string) => {
      return Number(cloud.a.sentOf("claim").find((one) => one.operationId === id)?.sequence);
    };
    const [sync] = cloud.a.sentOf("sync");
    expect(Number(sync?.sequence)).toBeGreaterThan(sequenceOf("before"));
    const isOlder = Number(sync?.sequence) < sequenceOf("after");
    expect(sync?.list?.includes("after") === true || isOlder).toBe(true);
  });
});

describe("a claim and a list under way at once leave the claim alive", () => {
  test.each([
    ["the list arrives last", ["claim", "sync"]],
    ["the claim arrives last", ["sync", "claim"]],
  ] as const)("where %s", async (_, order) => {
    for (const isListFirst of [true, false]) {
      cloud = new FakeCloud();
      const session = cloud.session();
      const arrive = { claim: cloud.a.hold("claim"), sync: cloud.a.hold("sync") };
      const begin = () => session.begin(operation({ hosts: ["a"] }));
      const sync = () => session.sync("a");
      const [first, second] = isListFirst ? [sync, begin] : [begin, sync];
      const all: Promise<unknown>[] = [first()];
      await settled();
      all.push(second());
      await settled();
      for (const name of order) {
        arrive[name]();
        await settled();
      }
      await cloud.clock.advance(1_000);
      expect(await stateOf(Promise.all(all))).toBe("resolved");
      expect([...cloud.a.live.keys()]).toEqual(["op-1"]);
    }
  });

  test("where the database is slow to say the store", async () => {
    const session = cloud.session();
    const slow = Promise.withResolvers<undefined>();
    const read = cloud.stores.read.bind(cloud.stores);
    cloud.stores.read = () => slow.promise;
    const synced = session.sync("a");
    cloud.stores.read = read;
    await session.begin(operation({ hosts: ["a"] }));
    slow.resolve(undefined);
    await synced;
    expect(listsToA()).toEqual([["op-1"]]);
    expect([...cloud.a.live.keys()]).toEqual(["op-1"]);
  });
});

describe("a list that a younger one overtook", () => {
  test("is sent anew with a higher sequence", async () => {
    const session = cloud.session();
    const arrive = cloud.a.hold("sync");
    const late = session.sync("a");
    await settled();
    await session.sync("a");
    arrive();
    expect(await stateOf(late)).toBe("resolved");
    const sequences = cloud.a.sentOf("sync").map(({ sequence }) => sequence);
    expect(sequences).toEqual([1, 2, 3]);
  });

  test("is sent so often at most, then said to be refused", async () => {
    cloud.a.fail("sync", ...Array.from({ length: 9 }, () => refusal("stale-list")));
    await expect(cloud.session().sync("a")).rejects.toMatchObject({ code: "stale-list" });
    expect(cloud.a.sentOf("sync")).toHaveLength(3);
  });
});

describe("where lists are sent only when due", () => {
  const begun = async () => {
    const session = cloud.session({ lists: "when-due" });
    // The first says what is in flight, the second that the run of the agent is known.
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([[], []]);
    await session.sync("a");
    expect(listsToA().at(-1)).toBeUndefined();
    cloud.a.sent.length = 0;
    return session;
  };

  test("a claim that was answered needs none", async () => {
    const session = await begun();
    await session.begin(operation());
    await session.sync("a");
    expect(listsToA()).toEqual([undefined]);
  });

  test("an operation that was adopted makes one due", async () => {
    const session = await begun();
    session.adopt(operation());
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([["op-1"], undefined]);
  });

  test.each([
    ["a sync that failed", "sync", unreachable],
    ["a claim that failed", "claim", unreachable],
    ["a claim that was refused as late", "claim", refusal("stale-claim")],
    ["a continue that failed", "continueClaim", unreachable],
    ["a heartbeat that failed", "heartbeat", unreachable],
  ] as const)("%s makes one due", async (_, name, error) => {
    const session = await begun();
    cloud.a.fail(name, error);
    await session.heartbeat("a").catch(() => {});
    await session.sync("a").catch(() => {});
    const started = session.begin(operation());
    await cloud.clock.advance(1_000);
    await started;
    void session.finish(vm, "op-1", "known");
    await cloud.clock.advance(1_000);
    await session.sync("a");
    await session.sync("a");
    expect(listsToA().filter((list) => list !== undefined)).toEqual([[]]);
    expect(listsToA().at(-1)).toBeUndefined();
  });

  test.each([
    ["another store", { storeId: "store-2", epoch: 1 }],
    ["another run of the agent", { storeId: "store-1", epoch: 2 }],
  ])("%s makes one due, which names it", async (_, run) => {
    const session = await begun();
    cloud.a.run = run;
    await session.sync("a");
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([undefined, [], undefined]);
    const { managementNode } = cloud.a.sentOf("sync")[1] ?? {};
    expect(managementNode).toMatchObject({ storeId: run.storeId, agentEpoch: run.epoch });
  });

  test("after an answer of an earlier run: it was overtaken, or the store is an older copy", async () => {
    const session = await begun();
    cloud.a.run = { storeId: "store-1", epoch: 2 };
    await session.sync("a");
    await session.sync("a");
    cloud.a.run = { storeId: "store-1", epoch: 1 };
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([undefined, [], undefined, []]);
    const { managementNode } = cloud.a.sentOf("sync").at(-1) ?? {};
    expect(managementNode, "tells of the later run").toMatchObject({ agentEpoch: 2 });
  });

  test("one that became due while another was under way stays due", async () => {
    const session = await begun();
    cloud.a.fail("sync", unreachable);
    await expect(session.sync("a")).rejects.toBe(unreachable);
    const arrive = cloud.a.hold("sync");
    const synced = session.sync("a");
    await settled();
    cloud.a.fail("claim", refusal("not-stored"));
    await expect(session.begin(operation())).rejects.toThrow("not-stored");
    arrive();
    await synced;
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([undefined, [], [], undefined]);
  });

  test("one that the disk refused stays due", async () => {
    const session = await begun();
    cloud.a.fail("sync", unreachable);
    await expect(session.sync("a")).rejects.toBe(unreachable);
    cloud.a.isDurable = false;
    await session.sync("a");
    cloud.a.isDurable = true;
    await session.sync("a");
    await session.sync("a");
    expect(listsToA()).toEqual([undefined, [], [], undefined]);
  });
});

describe("entries that the host did not take", () => {
  const refused = (operationId: string) => {
    return { vmUuid: vm, operationId, code: "operation-continued" as const, detail: "made up" };
  };

  test("are handed on if their operation is in flight", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.a.says = { refused: [refused("op-1")] };
    expect((await session.sync("a")).refused).toEqual([refused("op-1")]);
    cloud.a.says = {};
    expect((await session.sync("a")).refused).toEqual([]);
  });

  test("are no news if it is over", async () => {
    const session = cloud.session();
    await session.begin(operation());
    await session.begin(operation({ operationId: "op-2" }));
    const arrive = cloud.a.hold("sync");
    const synced = session.sync("a");
    await settled();
    cloud.b.hold("continueClaim");
    void session.finish(vm, "op-1", "known");
    await settled();
    cloud.a.says = { refused: [refused("op-1"), refused("op-of-yesterday")] };
    arrive();
    expect((await synced).refused).toEqual([]);
  });
});
