// Rule 3: continue on all the hosts of the operation once the database shows the outcome; repeat
// until answered; on a time-out with outcome=unknown.

import { beforeEach, describe, expect, test } from "vitest";
import { FakeCloud, operation, otherVm, settled, stateOf, vm } from "./fake-cloud.ts";
import { type FakeHost, refusal, unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});
const failures = (count: number) => Array.from({ length: count }, () => unreachable);
const continuesTo = (host: FakeHost) => host.sentOf("continueClaim");

describe("finish", () => {
  test("continues on every host of the operation, saying who asks", async () => {
    const session = cloud.session();
    await session.begin(operation());
    await session.finish(vm.toUpperCase(), "op-1", "known");
    const caller = { id: "mn-1", epoch: 7, sequence: 3 };
    expect(continuesTo(cloud.a)[0]?.args).toEqual([vm, "op-1", { owner: "mn-1", caller }]);
    expect([...cloud.a.live, ...cloud.b.live]).toEqual([]);
  });

  test("resolves only when each host has answered", async () => {
    const session = cloud.session();
    await session.begin(operation());
    const arrive = cloud.b.hold("continueClaim");
    const over = session.finish(vm, "op-1", "known");
    expect(await stateOf(over)).toBeUndefined();
    expect(session.operations()).toHaveLength(1);
    arrive();
    expect(await stateOf(over)).toBe("resolved");
    expect(session.operations()).toEqual([]);
  });

  test.each([
    ["not reached", unreachable],
    ["failing", refusal("internal-error")],
    ["refusing, which it never should", refusal("stale-claim")],
  ])("repeats towards a host that is %s, and only there", async (_, error) => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.fail("continueClaim", error, error, error);
    const over = session.finish(vm, "op-1", "known");
    await cloud.clock.advance(200 + 400 + 800);
    expect(await stateOf(over)).toBe("resolved");
    expect(continuesTo(cloud.a)).toHaveLength(1);
    expect(continuesTo(cloud.b)).toHaveLength(4);
  });

  test("repeats for days, as often as the longest wait allows", async () => {
    const session = cloud.session({ limits: { backOff: { firstMs: 1_000, maxMs: 60_000 } } });
    await session.begin(operation());
    cloud.b.fail("continueClaim", ...failures(3_000));
    const over = session.finish(vm, "op-1", "known");
    await cloud.clock.advance(2 * 86_400_000);
    expect(await stateOf(over)).toBeUndefined();
    const count = continuesTo(cloud.b).length;
    expect(count).toBeGreaterThan(2 * 1_440 - 10);
    expect(count).toBeLessThan(2 * 1_440 + 10);
  });

  test("waits half as long where chance says so", async () => {
    const session = cloud.session({ random: () => 0 });
    await session.begin(operation());
    cloud.b.fail("continueClaim", ...failures(2));
    const over = session.finish(vm, "op-1", "known");
    await cloud.clock.advance(100 + 200);
    expect(await stateOf(over)).toBe("resolved");
  });

  test("may be ignored: that it is abandoned is no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.fail("continueClaim", unreachable);
    void session.finish(vm, "op-1", "known");
    await settled();
    session.stop();
    await settled();
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  test("refuses an operation that the session does not have", async () => {
    const over = cloud.session().finish(vm, "op-1", "known");
    await expect(over).rejects.toMatchObject({ code: "unknown-operation" });
  });

  test("repeated says nothing twice, and is over at the same time", async () => {
    const session = cloud.session();
    await session.begin(operation());
    const both = [session.finish(vm, "op-1", "known"), session.finish(vm, "op-1", "known")];
    await Promise.all(both);
    expect(continuesTo(cloud.a)).toHaveLength(1);
  });
});

describe("an outcome that is not known", () => {
  test("is said as such", async () => {
    const session = cloud.session();
    await session.begin(operation());
    await session.finish(vm, "op-1", "unknown");
    expect(continuesTo(cloud.a).map(({ outcome }) => outcome)).toEqual(["unknown"]);
    expect([...cloud.a.orphans, ...cloud.b.orphans]).toEqual(["op-1", "op-1"]);
  });

  test("is repeated until it is durable: a list would end what a crash brings back", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.isDurable = false;
    const over = session.finish(vm, "op-1", "unknown");
    expect(await stateOf(over)).toBeUndefined();
    cloud.b.isDurable = true;
    await cloud.clock.advance(200);
    expect(await stateOf(over)).toBe("resolved");
  });

  test("may become known, also while it is being said", async () => {
    const session = cloud.session();
    await session.begin(operation());
    const arriveUnknown = cloud.b.hold("continueClaim");
    const arriveKnown = cloud.b.hold("continueClaim");
    void session.finish(vm, "op-1", "unknown");
    await settled();
    const over = session.finish(vm, "op-1", "known");
    arriveUnknown();
    expect(await stateOf(over)).toBeUndefined();
    arriveKnown();
    expect(await stateOf(over)).toBe("resolved");
    expect(continuesTo(cloud.a).map(({ outcome }) => outcome)).toEqual(["unknown", undefined]);
    expect(continuesTo(cloud.b).map(({ outcome }) => outcome)).toEqual(["unknown", undefined]);
    expect([...cloud.a.orphans, ...cloud.b.orphans]).toEqual([]);
  });

  test("does not follow on one that is known", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.fail("continueClaim", unreachable);
    void session.finish(vm, "op-1", "known");
    void session.finish(vm, "op-1", "unknown");
    await cloud.clock.advance(1_000);
    expect(continuesTo(cloud.b).map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
  });
});

describe("many continues", () => {
  const beginMany = async (count: number) => {
    const session = cloud.session({ limits: { continuesAtOnce: 4 } });
    const ids = Array.from({ length: count }, (_, place) => `op-${place}`);
    for (const operationId of ids) await session.begin(operation({ operationId, hosts: ["a"] }));
    return { session, ids };
  };

  test("go out a few at once while the host answers", async () => {
    const { session, ids } = await beginMany(20);
    const arrivals = ids.map(() => cloud.a.hold("continueClaim"));
    const over = Promise.all(ids.map((id) => session.finish(vm, id, "known")));
    await settled();
    let underWayMax = 0;
    for (const [place, arrive] of arrivals.entries()) {
      underWayMax = Math.max(underWayMax, continuesTo(cloud.a).length - place);
      arrive();
      await settled();
    }
    expect(await stateOf(over)).toBe("resolved");
    expect(underWayMax).toBe(4);
  });

  test("are one probe after each wait while it does not, however many wait", async () => {
    const { session, ids } = await beginMany(20);
    cloud.a.fail("continueClaim", ...failures(8));
    const over = Promise.all(ids.map((id) => session.finish(vm, id, "known")));
    await settled();
    const first = continuesTo(cloud.a).length;
    await cloud.clock.advance(200 + 400 + 800);
    expect(continuesTo(cloud.a).length - first).toBe(3);
    await cloud.clock.advance(60_000);
    expect(await stateOf(over)).toBe("resolved");
    expect([...cloud.a.live]).toEqual([]);
  });

  test("do not wait behind one that the host cannot take", async () => {
    const { session } = await beginMany(3);
    const send = cloud.a.continueClaim.bind(cloud.a);
    cloud.a.continueClaim = (uuid, id, options) => {
      if (id !== "op-0") return send(uuid, id, options);
      return Promise.reject(refusal("invalid-request"));
    };
    void session.finish(vm, "op-0", "known");
    const others = ["op-1", "op-2"].map((id) => session.finish(vm, id, "known"));
    await cloud.clock.advance(1_000);
    expect(await stateOf(Promise.all(others))).toBe("resolved");
  });

  test("of one host do not wait for another", async () => {
    const session = cloud.session();
    await session.begin(operation());
    await session.begin(operation({ vmUuid: otherVm, hosts: ["b"] }));
    cloud.a.fail("continueClaim", ...failures(100));
    void session.finish(vm, "op-1", "known");
    expect(await stateOf(session.finish(otherVm, "op-1", "known"))).toBe("resolved");
    expect([...cloud.b.live]).toEqual([]);
  });
});

describe("operate", () => {
  test("claims, marks, acts, and continues only when the outcome is shown", async () => {
    const session = cloud.session();
    const shown = Promise.withResolvers<void>();
    const steps: string[] = [];
    const done = session.operate(operation(), {
      mark: async (marks) => {
        steps.push(`marks of ${marks.map(({ hostId }) => hostId).join(", ")}`);
      },
      act: () => {
        steps.push("act");
        return shown.promise;
      },
    });
    await settled();
    expect(steps).toEqual(["marks of a, b", "act"]);
    expect(continuesTo(cloud.a)).toEqual([]);
    shown.resolve();
    await done;
    await settled();
    expect(continuesTo(cloud.a).map(({ outcome }) => outcome)).toEqual([undefined]);
  });

  test("does not act without every claim", async () => {
    cloud.b.fail("claim", refusal("not-stored"));
    const steps: string[] = [];
    const done = cloud.session().operate(operation(), {
      mark: async () => void steps.push("mark"),
      act: async () => void steps.push("act"),
    });
    await expect(done).rejects.toMatchObject({ code: "not-claimed" });
    expect(steps).toEqual([]);
  });

  test.each(["mark", "act"] as const)(
    "calls the outcome unknown where %s fails, and says how it failed",
    async (failing) => {
      const failed = new Error("time-out");
      const steps = { mark: async () => {}, act: async () => {} };
      const done = cloud.session().operate(operation(), {
        ...steps,
        [failing]: () => Promise.reject(failed),
      });
      await expect(done).rejects.toBe(failed);
      expect(continuesTo(cloud.b).map(({ outcome }) => outcome)).toEqual(["unknown"]);
    },
  );
});
