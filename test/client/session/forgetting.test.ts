// A host that is gone for good: nothing waits for it, and nothing is said to it.

import { beforeEach, describe, expect, test } from "vitest";
import { FakeCloud, operation, otherVm, settled, stateOf, vm } from "./fake-cloud.ts";
import { unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});
const failures = Array.from({ length: 100 }, () => unreachable);
const day = 86_400_000;

describe("a host that is forgotten", () => {
  test("holds up no operation that is over, and is asked no more", async () => {
    const session = cloud.session();
    await session.begin(operation());
    cloud.b.fail("continueClaim", ...failures);
    const over = session.finish(vm, "op-1", "known");
    await settled();
    expect(await stateOf(over)).toBeUndefined();
    session.forgetHost("b");
    expect(await stateOf(over)).toBe("resolved");
    expect(session.operations()).toEqual([]);
    const asked = cloud.b.sentOf("continueClaim").length;
    await cloud.clock.advance(day);
    expect(cloud.b.sentOf("continueClaim")).toHaveLength(asked);
    expect(cloud.clock.sleepers).toBe(0);
  });

  test("hears nothing of the end of an operation that was in flight; the others do", async () => {
    const session = cloud.session();
    await session.begin(operation());
    session.forgetHost("b");
    expect(session.operations()).toHaveLength(1);
    await session.finish(vm, "op-1", "unknown");
    expect(cloud.a.sentOf("continueClaim")).toHaveLength(1);
    expect(cloud.b.sentOf("continueClaim")).toEqual([]);
  });

  test("may be the only one of an operation", async () => {
    const session = cloud.session();
    await session.begin(operation({ hosts: ["b"] }));
    session.forgetHost("b");
    await session.finish(vm, "op-1", "known");
    expect(session.operations()).toEqual([]);
  });

  test("is not spoken to again: a list would end what it has claimed", async () => {
    const session = cloud.session();
    await session.begin(operation());
    session.forgetHost("b");
    const code = "forgotten-host";
    await expect(session.sync("b")).rejects.toMatchObject({ code });
    await expect(session.heartbeat("b")).rejects.toMatchObject({ code });
    await expect(session.departed(["b"], "mn-2", 1)).rejects.toMatchObject({ code });
    const next = operation({ vmUuid: otherVm, operationId: "op-2" });
    await expect(session.begin(next)).rejects.toMatchObject({ code });
    expect(() => session.adopt(next)).toThrow(/cannot speak to host b/);
    expect(session.operations()).toHaveLength(1);
    expect(cloud.b.live.size).toBe(1);
  });

  test("may be one that was never heard of", async () => {
    const session = cloud.session();
    session.forgetHost("b");
    await expect(session.sync("b")).rejects.toMatchObject({ code: "forgotten-host" });
    await session.begin(operation({ hosts: ["a"] }));
  });
});
