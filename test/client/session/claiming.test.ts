// Rule 1: claim on every host whose report may judge the VM, and act only after every 2xx.

import { beforeEach, describe, expect, test } from "vitest";
import { awaited, FakeCloud, operation, otherVm, settled, stateOf, vm } from "./fake-cloud.ts";
import { refusal, unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});

describe("begin", () => {
  test("claims on every host and gives the mark of each", async () => {
    cloud.b.run = { storeId: "store-b", epoch: 9 };
    cloud.b.revision = 40;
    expect(await cloud.session().begin(operation())).toEqual([
      { hostId: "a", storeId: "store-1", agentEpoch: 1, revision: 101 },
      { hostId: "b", storeId: "store-b", agentEpoch: 9, revision: 41 },
    ]);
    expect([...cloud.a.live.keys(), ...cloud.b.live.keys()]).toEqual(["op-1", "op-1"]);
  });

  test("says who speaks, what for and for how long", async () => {
    const session = cloud.session({ leaseSeconds: 120, orphanTtlSeconds: 900 });
    await session.begin(operation({ hosts: ["a"], orphanTtlSeconds: 60 }));
    const managementNode = {
      id: "mn-1",
      epoch: 7,
      instance: "i-1",
      sequence: 1,
      leaseSeconds: 120,
      orphanTtlSeconds: 900,
    };
    expect(cloud.a.sent[0]?.args).toEqual([
      vm,
      "op-1",
      { managementNode, reason: "start", orphanTtlSeconds: 60 },
    ]);
  });

  test("names the VM in its normal form, alone and in lists", async () => {
    const session = cloud.session();
    await session.begin(operation({ vmUuid: vm.replaceAll("-", "").toUpperCase() }));
    await session.sync("a");
    expect(cloud.a.sentOf("claim")[0]?.args[0]).toBe(vm);
    expect(cloud.a.sentOf("sync")[0]?.args).toMatchObject([{ skipList: [{ vmUuid: vm }] }]);
  });

  test("has not resolved while one host has not answered", async () => {
    const arrive = cloud.b.hold("claim");
    const begun = cloud.session().begin(operation());
    expect(await stateOf(begun)).toBeUndefined();
    arrive();
    expect(await stateOf(begun)).toBe("resolved");
  });

  test("claims once on a host that is named twice", async () => {
    await cloud.session().begin(operation({ hosts: ["a", "a"] }));
    expect(cloud.a.sentOf("claim")).toHaveLength(1);
  });

  test.each([
    ["the host is not reached", unreachable],
    ["a younger list did not name the claim", refusal("stale-claim")],
    ["the operation's TTL was over", refusal("operation-expired")],
    ["the agent failed", refusal("internal-error")],
  ])("repeats with a higher sequence if %s", async (_, error) => {
    cloud.b.fail("claim", error, error);
    const begun = cloud.session().begin(operation());
    await cloud.clock.advance(600);
    expect(await stateOf(begun)).toBe("resolved");
    const sequences = cloud.b.sentOf("claim").map(({ sequence }) => sequence);
    expect(sequences).toHaveLength(3);
    expect(sequences).toEqual(sequences.toSorted((one, other) => Number(one) - Number(other)));
    expect(new Set(sequences).size).toBe(3);
  });

  test("repeats a claim whose answer was lost", async () => {
    cloud.b.loseAnswer("claim");
    const begun = cloud.session().begin(operation());
    await cloud.clock.advance(200);
    expect(await stateOf(begun)).toBe("resolved");
  });

  test.each(["not-stored", "operation-continued", "too-many-claims", "invalid-request"] as const)(
    "fails at once on %s",
    async (code) => {
      cloud.b.fail("claim", refusal(code));
      const begun = cloud.session().begin(operation());
      await expect(begun).rejects.toMatchObject({ code: "not-claimed", cause: { code } });
      expect(cloud.b.sentOf("claim")).toHaveLength(1);
    },
  );

  test("gives up when the time for it is over, after ever longer waits", async () => {
    cloud.b.fail("claim", ...Array.from({ length: 100 }, () => unreachable));
    const begun = cloud.session({ limits: { repeatForMs: 7_000 } }).begin(operation());
    await cloud.clock.advance(6_199);
    expect(await stateOf(begun)).toBeUndefined();
    await cloud.clock.advance(1);
    expect(await stateOf(begun)).toBe("rejected: not-claimed");
    // At 0, 200, 600, 1400, 3000 and 6200 ms.
    expect(cloud.b.sentOf("claim")).toHaveLength(6);
  });
});

describe("a begin that failed", () => {
  test("continues on every host, also where the claim may still be on its way", async () => {
    const arrive = cloud.a.hold("claim");
    cloud.b.fail("claim", refusal("not-stored"));
    await expect(cloud.session().begin(operation())).rejects.toThrow("not-stored");
    arrive();
    await settled();
    expect(cloud.a.sentOf("continueClaim")).toHaveLength(1);
    expect(cloud.b.sentOf("continueClaim")).toHaveLength(1);
    expect([...cloud.a.live, ...cloud.b.live]).toEqual([]);
  });

  test("repeats those continues until each is answered", async () => {
    cloud.a.fail("continueClaim", unreachable, unreachable);
    cloud.b.fail("claim", refusal("not-stored"));
    const session = cloud.session();
    await expect(session.begin(operation())).rejects.toThrow("not-stored");
    expect([...cloud.a.live.keys()]).toEqual(["op-1"]);
    await cloud.clock.advance(600);
    expect([...cloud.a.live.keys()]).toEqual([]);
    expect(session.operations()).toEqual([]);
  });

  test("sends no claim after its continue", async () => {
    cloud.a.fail("claim", unreachable);
    cloud.b.fail("claim", refusal("not-stored"));
    await expect(cloud.session().begin(operation())).rejects.toThrow("not-stored");
    await cloud.clock.advance(60_000);
    expect(cloud.a.sent.map(({ name }) => name)).toEqual(["claim", "continueClaim"]);
  });
});

describe("begin refuses, and sends nothing:", () => {
  test("an operation that the VM has already, however its uuid is written", async () => {
    const session = cloud.session();
    await session.begin(operation({ hosts: ["a"] }));
    const again = operation({ hosts: ["b"], vmUuid: vm.replaceAll("-", "").toUpperCase() });
    await expect(session.begin(again)).rejects.toMatchObject({ code: "operation-in-use" });
    expect(cloud.b.sent).toEqual([]);
    await session.begin(operation({ vmUuid: otherVm }));
  });

  test.each([
    ["a VM that is no uuid", { vmUuid: "db-1" }],
    ["an operation without a host", { hosts: [] }],
  ])("%s", async (_, said) => {
    const session = cloud.session();
    const begun = session.begin(operation(said));
    await expect(begun).rejects.toMatchObject({ code: "invalid-operation" });
    expect([...cloud.a.sent, ...session.operations()]).toEqual([]);
  });

  test("a host that is not known, and does not keep the operation", async () => {
    const session = cloud.session();
    await expect(session.begin(operation({ hosts: ["a", "c"] }))).rejects.toThrow("host c");
    expect([...cloud.a.sent, ...session.operations()]).toEqual([]);
  });
});

test("a begin whose operation is finished meanwhile rejects and claims no more", async () => {
  cloud.b.fail("claim", unreachable);
  const session = cloud.session();
  const begun = awaited(session.begin(operation()));
  await settled();
  const over = session.finish(vm, "op-1", "known");
  expect(await stateOf(begun)).toBe("rejected: finished");
  expect(await stateOf(over)).toBe("resolved");
  await cloud.clock.advance(60_000);
  expect(cloud.b.sent.map(({ name }) => name)).toEqual(["claim", "continueClaim"]);
});
