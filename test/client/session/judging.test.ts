// Rules 2 and 5: no VM is judged by a report older than its mark, or of another store; uuids are
// normalised before they are looked up.

import { beforeEach, describe, expect, test } from "vitest";
import {
  HostReport,
  type JudgedVm,
  mayJudge,
  type VmMark,
} from "../../../src/client/session/judgement.ts";
import type { Report } from "../../../src/http/schema/report.ts";
import { FakeCloud, operation, otherVm, settled, vm } from "./fake-cloud.ts";

const place = (said: Partial<VmMark> = {}): VmMark => {
  return { hostId: "a", storeId: "s-1", agentEpoch: 5, revision: 50, ...said };
};
const judged = (...marks: VmMark[]): JudgedVm => ({ marks, currentStoreId: "s-1" });

describe("a report may judge a VM", () => {
  test.each([
    ["whose mark is of the same revision", place()],
    ["whose mark is of an older revision", place({ revision: 49 })],
    ["whose mark is of an older run, of whatever revision", place({ agentEpoch: 4, revision: 99 })],
    ["whose mark is of another host, however young", place({ hostId: "b", agentEpoch: 6 })],
    [
      "whose mark is of a store that the host no longer has",
      place({ storeId: "s-0", revision: 99 }),
    ],
  ])("%s", (_, mark) => {
    expect(mayJudge(place(), judged(mark))).toBe(true);
  });

  test("that has no mark", () => {
    expect(mayJudge(place(), judged())).toBe(true);
  });
});

describe("a report may not judge a VM", () => {
  test.each([
    ["whose mark is of a younger revision", [place({ revision: 51 })]],
    [
      "whose mark is of a younger run, of whatever revision",
      [place({ agentEpoch: 6, revision: 0 })],
    ],
    ["one of whose marks is younger", [place({ revision: 1 }), place({ revision: 51 })]],
  ])("%s", (_, marks) => {
    expect(mayJudge(place(), judged(...marks))).toBe(false);
  });

  test.each([
    ["a store that the host no longer has", "s-2"],
    ["a host that has no store in the database", undefined],
  ])("if it is of %s", (_, currentStoreId) => {
    expect(mayJudge(place(), { marks: [], currentStoreId })).toBe(false);
  });
});

const base: Report = {
  reportId: "r",
  host: { id: "h", bootId: "b" },
  agent: { storeId: "s-1", epoch: 5, version: "1" },
  observation: { startedAt: "", finishedAt: "", complete: true, problems: [] },
  skipRevision: 50,
  contentRevision: 1,
  absentMeans: "stopped",
  states: {},
  skipped: [],
  withheld: [],
  stops: {},
};
const verdictOf = (said: Partial<Report>, uuid = vm, of: JudgedVm = judged()) => {
  return new HostReport("a", { ...base, ...said }).judge(uuid, of);
};

describe("the judgement of a VM that is", () => {
  test.each(["Running", "Paused", "Starting", "ShuttingDown", "Suspended"] as const)(
    "%s: alive",
    (state) => {
      expect(verdictOf({ states: { [vm]: state } })).toEqual({ verdict: "alive", state });
    },
  );

  test.each(["Stopped", "Crashed"] as const)("%s: stopped", (state) => {
    expect(verdictOf({ states: { [vm]: state } })).toEqual({ verdict: "stopped", state });
  });

  test.each(["Unknown", "Hibernating"])("%s: unknown", (state) => {
    const states = { [vm]: state } as Report["states"];
    expect(verdictOf({ states })).toEqual({ verdict: "unknown", why: "no-verdict" });
  });

  test("skipped: unknown, and whether it was seen alive", () => {
    const skipped = { vmUuid: vm, claims: [] };
    const unknown = { verdict: "unknown", why: "skipped" };
    expect(verdictOf({ skipped: [skipped] })).toEqual(unknown);
    expect(verdictOf({ skipped: [{ ...skipped, alive: true }] })).toEqual({
      ...unknown,
      seenAlive: true,
    });
  });

  test("withheld: unknown", () => {
    const withheld = [{ vmUuid: vm, reasons: ["no-process" as const], since: "" }];
    expect(verdictOf({ withheld })).toEqual({ verdict: "unknown", why: "withheld" });
  });

  test("absent where that means stopped: stopped", () => {
    expect(verdictOf({})).toEqual({ verdict: "stopped", state: "Stopped" });
  });

  test.each(["unknown", "something-new"])("absent where that means %s: unknown", (means) => {
    const absentMeans = means as Report["absentMeans"];
    expect(verdictOf({ absentMeans })).toEqual({ verdict: "unknown", why: "absent" });
  });

  test("named Stopped by a report older than its mark: unknown", () => {
    const of = judged(place({ revision: 51 }));
    const unknown = { verdict: "unknown", why: "older-than-mark" };
    expect(verdictOf({ states: { [vm]: "Stopped" } }, vm, of)).toEqual(unknown);
    expect(verdictOf({}, vm, of)).toEqual(unknown);
  });

  test("named Stopped by a report of another store: unknown", () => {
    const of = { marks: [], currentStoreId: "s-2" };
    const unknown = { verdict: "unknown", why: "other-store" };
    expect(verdictOf({ states: { [vm]: "Stopped" } }, vm, of)).toEqual(unknown);
  });
});

describe("a uuid is looked up in its normal form", () => {
  test.each([vm, vm.toUpperCase(), vm.replaceAll("-", ""), vm.replaceAll("-", "").toUpperCase()])(
    "%s",
    (uuid) => {
      expect(verdictOf({ states: { [vm]: "Running" } }, uuid)).toMatchObject({ verdict: "alive" });
      const skipped = [{ vmUuid: vm, claims: [] }];
      expect(verdictOf({ skipped }, uuid)).toMatchObject({ why: "skipped" });
      const withheld = [{ vmUuid: vm, reasons: [], since: "" }];
      expect(verdictOf({ withheld }, uuid)).toMatchObject({ why: "withheld" });
    },
  );

  test.each(["", "db-1", `${vm}0`, "toString"])("what is none is refused: %j", (uuid) => {
    expect(() => verdictOf({}, uuid)).toThrow("cannot read VM uuid");
  });
});

describe("a session", () => {
  let cloud: FakeCloud;
  beforeEach(() => {
    cloud = new FakeCloud();
  });
  const read = (marks: readonly VmMark[]): JudgedVm => {
    return { marks, currentStoreId: cloud.stores.current.get("a") };
  };

  test("judges by a report that began after the claim, not by one that began before", async () => {
    const session = cloud.session();
    const { hostReport: before } = await session.sync("a");
    const marks = await session.begin(operation());
    await session.finish(vm, "op-1", "known");
    expect(before.judge(vm, read(marks))).toMatchObject({ why: "older-than-mark" });
    expect(before.judge(otherVm, read([]))).toMatchObject({ verdict: "stopped" });
    const { hostReport: after } = await session.sync("a");
    expect(after.judge(vm, read(marks))).toMatchObject({ verdict: "stopped" });
  });

  test("writes a new store into the database before a report or a mark of it can be used", async () => {
    const session = cloud.session();
    await session.sync("a");
    expect(cloud.stores.current.get("a")).toBe("store-1");
    cloud.a.run = { storeId: "store-2", epoch: 1 };
    const { hostReport } = await session.sync("a");
    expect(cloud.stores.current.get("a")).toBe("store-2");
    expect(hostReport.judge(vm, read([]))).toMatchObject({ verdict: "stopped" });
    cloud.a.run = { storeId: "store-3", epoch: 1 };
    const marks = await session.begin(operation({ hosts: ["a"] }));
    expect(marks).toMatchObject([{ storeId: "store-3" }]);
    expect(cloud.stores.current.get("a")).toBe("store-3");
  });

  test("judges by no late report of a store that was replaced, and does not bring it back", async () => {
    const late = cloud.session();
    await late.sync("a");
    const arrive = cloud.a.hold("sync");
    const told = late.sync("a");
    await settled();
    // The answer is made up by the old store, and read when the new one is known already.
    arrive();
    cloud.stores.current.set("a", "store-2");
    const { hostReport } = await told;
    expect(hostReport.judge(vm, read([]))).toMatchObject({ why: "other-store" });
    expect(cloud.stores.current.get("a")).toBe("store-2");
  });

  test("asks again where the database moved on to another store while it asked", async () => {
    cloud.stores.current.set("a", "store-0");
    const arrive = cloud.a.hold("sync");
    const synced = cloud.session().sync("a");
    await settled();
    // The answer is of a store between the one that was read and the one that is current.
    cloud.stores.current.set("a", "store-2");
    cloud.stores.beforeReplace = () => {
      cloud.a.run = { storeId: "store-2", epoch: 1 };
    };
    arrive();
    const { hostReport } = await synced;
    expect(hostReport.place.storeId).toBe("store-2");
    expect(cloud.stores.current.get("a")).toBe("store-2");
    expect(cloud.a.sentOf("sync")).toHaveLength(2);
  });

  test("takes the answer where another management node wrote the same store first", async () => {
    cloud.stores.beforeReplace = () => void cloud.stores.current.set("a", "store-1");
    await cloud.session().sync("a");
    expect(cloud.a.sentOf("sync")).toHaveLength(1);
  });

  test("gives up where the store keeps changing", async () => {
    let stores = 1;
    cloud.stores.beforeReplace = () => void cloud.stores.current.set("a", `other-${(stores += 1)}`);
    const told = cloud.session().sync("a");
    await expect(told).rejects.toMatchObject({ code: "other-store" });
    expect(cloud.a.sentOf("sync")).toHaveLength(3);
  });

  test("gives no mark of a store that is not the host's current one", async () => {
    let stores = 1;
    cloud.stores.beforeReplace = () => void cloud.stores.current.set("a", `other-${(stores += 1)}`);
    const begun = cloud.session({ limits: { repeatForMs: 0 } }).begin(operation({ hosts: ["a"] }));
    const failed = { code: "not-claimed", cause: { code: "other-store" } };
    await expect(begun).rejects.toMatchObject(failed);
  });
});
