// Amnesia is declared (G9): while claims may be unknown, nothing is called Stopped.

import { describe, expect, test } from "vitest";
import { listsMissing } from "../../src/core/decide-amnesia.ts";
import { vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";

const u = vm(1);
const run = { storeId: "store-1", agentEpoch: 4 };

describe("amnesia", () => {
  test.each([
    ["the longest lease", { leaseSecondsMax: 900, orphanTtlSeconds: 30 }, 900],
    ["the TTL of orphans", { leaseSecondsMax: 100, orphanTtlSeconds: 700 }, 700],
    ["both of 600 s by default", {}, 600],
  ])("lasts the greater of both: %s", (_, policy, seconds) => {
    const stage = new Stage({ policy });
    stage.beginAmnesia();
    expect(stage.skipList.nextDeadlineMs).toBeLessThanOrEqual(seconds * 1000);
    stage.listen(seconds - 0.001);
    expect(stage.skipList.amnesia).toBeDefined();
    stage.listen(0.001);
    expect(stage.skipList.amnesia).toBeUndefined();
    expect(stage.changes).toContainEqual({
      kind: "amnesia-ended",
      at: stage.now(),
      cause: "elapsed",
    });
  });

  test("counts while the agent does not listen", () => {
    const stage = new Stage();
    stage.beginAmnesia();
    stage.sleep(600);
    expect(stage.skipList.amnesia).toBeUndefined();
  });

  test("withholds every stop, by name and by absence, and says why", () => {
    const stage = new Stage();
    stage.beginAmnesia();
    const report = stage.report(u);
    expect(report.withheld).toMatchObject([{ vmUuid: u, reasons: ["amnesia"] }]);
    expect(report).toMatchObject({ states: {}, absentMeans: "unknown" });
  });

  test("withholds also in a report whose window it only touched", () => {
    const stage = new Stage({ nowMs: 1000 });
    stage.beginAmnesia();
    stage.nowMs = 2000;
    stage.endAmnesia();
    stage.nowMs = 3000;
    expect(stage.report(u, 1500).absentMeans).toBe("unknown");
    expect(stage.report(u, 2000).absentMeans, "the very instant of its end").toBe("unknown");
    expect(stage.report(u, 2000.5)).toMatchObject({
      absentMeans: "stopped",
      states: { [u]: "Stopped" },
    });
  });

  test("that begins after a look, and before its report is sent, withholds too", () => {
    const stage = new Stage({ nowMs: 1000 });
    stage.nowMs = 2000;
    stage.beginAmnesia("restored-store");
    expect(stage.report(u, 1000).absentMeans).toBe("unknown");
  });

  test("lets claims be said, skipped and continued", () => {
    const stage = new Stage();
    stage.beginAmnesia();
    stage.claim(node("mn-1", 1), statement(u));
    expect(stage.report(u).skipped).toMatchObject([{ vmUuid: u }]);
    stage.continue(u, "start", { owner: "mn-1" });
    expect(stage.live).toEqual([]);
  });

  test("that does not last cannot be ended", () => {
    const stage = new Stage();
    stage.endAmnesia();
    stage.hear({ ...node("mn-1", 1), ...run }, run);
    const kinds = new Set(stage.changes.map(({ kind }) => kind));
    expect(kinds.has("amnesia-ended")).toBe(false);
    expect(kinds.has("list-heard")).toBe(false);
    expect(stage.skipList.hadAmnesiaSince(0)).toBe(false);
  });
});

describe("the whole lists of the management nodes", () => {
  const known = (id: string, sequence = 1) => ({ ...node(id, sequence), ...run });

  function forgetful(...managementNodes: readonly string[]): Stage {
    const stage = new Stage({ policy: { managementNodes } });
    stage.beginAmnesia();
    return stage;
  }

  test("end it when each of those that are configured has sent one", () => {
    const stage = forgetful("mn-1", "mn-2");
    stage.hear(known("mn-2"), run);
    expect(listsMissing(stage.skipList)).toEqual(["mn-1"]);
    stage.hear(known("mn-2", 2), run);
    stage.hear(known("mn-3"), run);
    expect(stage.skipList.amnesia).toBeDefined();
    const changes = stage.hear(known("mn-1"), run);
    expect(stage.skipList.amnesia).toBeUndefined();
    expect(changes).toContainEqual({
      kind: "amnesia-ended",
      at: stage.now(),
      cause: "all-lists-heard",
    });
  });

  test.each([
    ["another store", { storeId: "store-0" }],
    ["an earlier run", { agentEpoch: 3 }],
    ["a later run than this", { agentEpoch: 5 }],
    ["no store", { storeId: undefined }],
    ["no run", { agentEpoch: undefined }],
  ])("do not count if they echo %s", (_, echo) => {
    const stage = forgetful("mn-1");
    stage.hear({ ...known("mn-1"), ...echo }, run);
    expect(stage.skipList.amnesia).toBeDefined();
    expect(listsMissing(stage.skipList)).toEqual(["mn-1"]);
  });

  test("never end it where none are configured by name", () => {
    const stage = forgetful();
    stage.hear(known("mn-1"), run);
    expect(stage.skipList.amnesia).toBeDefined();
  });
});
