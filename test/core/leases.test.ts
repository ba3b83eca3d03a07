// A lease is how long a node counts as alive after its last contact; silence counts only while the
// agent listens.

import { describe, expect, test } from "vitest";
import {
  graceMsMax,
  leaseAfterGap,
  leaseAfterGapMs,
  listeningGapMsMax,
} from "../../src/core/passing-time.ts";
import { leaseSecondsOf } from "../../src/core/management-node.ts";
import { vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a node that is silent", () => {
  test.each([
    ["by default for 180 s", undefined, 180],
    ["for the lease that it named", 10, 10],
    ["for a long lease", 600, 600],
  ])(
    "%s is gone then, not before, and its claims are orphans from then on",
    (_, lease, seconds) => {
      const stage = new Stage();
      stage.claim({ ...node("mn-1", 1), leaseSeconds: lease }, statement(u));
      stage.listen(seconds - 0.001);
      expect(stage.known("mn-1").departed).toBeUndefined();
      expect(stage.orphans).toEqual([]);
      stage.listen(0.001);
      expect(stage.known("mn-1").departed).toEqual({ cause: "lease-lapsed", at: stage.now() });
      expect(stage.orphans).toEqual(["mn-1 start 1"]);
      expect(stage.only(u).orphan?.cause).toBe("lease-lapsed");
      expect(stage.leftSeconds(u), "the TTL begins when the lease ends").toBe(600);
    },
  );

  test("is gone after the longest lease that is allowed, whatever is configured beside it", () => {
    const stage = new Stage({ policy: { leaseSeconds: 3600, leaseSecondsMax: 100 } });
    stage.claim(node("mn-1", 1), statement(u));
    stage.listen(99.999);
    expect(stage.orphans).toEqual([]);
    stage.listen(0.001);
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
  });

  test("has the lease that is configured now, unless it asked for one itself", () => {
    const before = new Stage();
    before.contact(node("mn-1", 1));
    before.contact({ ...node("mn-2", 1), leaseSeconds: 300 });
    const { leaseSeconds } = before.known("mn-1");
    expect([leaseSeconds, before.known("mn-2").leaseSeconds]).toEqual([undefined, 300]);
    const now = { ...before.skipList.policy, leaseSeconds: 60, leaseSecondsMax: 200 };
    expect(["mn-1", "mn-2"].map((id) => leaseSecondsOf(before.known(id), now))).toEqual([60, 200]);
  });

  test("lapses once", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 1));
    stage.listen(400);
    const lapses = stage.changes.filter((of) => of.kind === "node" && of.node.departed);
    expect(lapses).toHaveLength(1);
  });

  test("takes nobody along", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.listen(100);
    stage.claim(node("mn-2", 1), statement(v));
    stage.listen(100);
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
  });

  test("needs no timer: what is due is found by whoever asks next", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    expect(stage.skipList.nextDeadlineMs).toBe(180_000);
    stage.listen(179);
    stage.nowMs += 1000;
    stage.contact(node("mn-2", 1));
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
  });
});

describe("a lease is renewed", () => {
  test.each([
    ["an accepted claim", (stage: Stage) => stage.claim(node("mn-1", 2), statement(v))],
    ["an accepted list", (stage: Stage) => stage.list(node("mn-1", 2), statement(u))],
    ["a list said again", (stage: Stage) => stage.list(node("mn-1", 1), statement(u))],
    ["a heartbeat", (stage: Stage) => stage.contact(node("mn-1", 2))],
    ["a heartbeat that was overtaken", (stage: Stage) => stage.contact(node("mn-1", 0))],
  ])("by %s", (_, speak) => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u));
    stage.listen(179);
    speak(stage);
    stage.listen(179);
    expect(stage.orphans).toEqual([]);
    stage.listen(1);
    expect(stage.orphans).toContain("mn-1 start 1");
  });

  test.each([
    [
      "a continue by its own operation",
      (stage: Stage) =>
        stage.continue(v, "start", {
          owner: "mn-1",
          caller: { id: "mn-1", epoch: 1, sequence: 9 },
        }),
    ],
    [
      "a continue by VM",
      (stage: Stage) => stage.continueVm(v, { id: "mn-1", epoch: 1, sequence: 9 }),
    ],
    ["what other nodes say", (stage: Stage) => stage.list(node("mn-2", 1), statement(u))],
    ["an older departure", (stage: Stage) => stage.depart("mn-1", 0)],
  ])("not by %s", (_, speak) => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.listen(179);
    speak(stage);
    stage.listen(1);
    expect(stage.orphans).toContain("mn-1 start 1");
  });
});

describe("after a gap in which the agent did not listen", () => {
  test("a node has what it had left, and at least a minute", () => {
    expect(leaseAfterGapMs).toBe(60_000);
    for (const [silentSeconds, leftSeconds] of [
      [0, 180],
      [100, 80],
      [120, 60],
      [175, 60],
    ] as const) {
      const stage = new Stage();
      stage.claim(node("mn-1", 1), statement(u));
      stage.listen(silentSeconds);
      stage.sleep(3600);
      expect(stage.orphans).toEqual([]);
      stage.listen(leftSeconds - 0.001);
      expect(stage.orphans).toEqual([]);
      stage.listen(0.001);
      expect(stage.orphans).toEqual(["mn-1 start 1"]);
    }
  });

  test("of 5 s its lease has gone on, of more it has not", () => {
    expect(listeningGapMsMax).toBe(5000);
    for (const [gapSeconds, isOver] of [
      [5, true],
      [5.001, false],
    ] as const) {
      const stage = new Stage();
      stage.claim(node("mn-1", 1), statement(u));
      stage.listen(176);
      stage.sleep(gapSeconds);
      expect(stage.orphans.length > 0).toBe(isOver);
    }
  });

  test("one silence is prolonged by a minute at most, however many gaps there are", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    let listened = 0;
    while (stage.orphans.length === 0 && listened < 1000) {
      stage.listen(2);
      stage.sleep(6);
      listened += 2;
    }
    expect(listened).toBeGreaterThanOrEqual(180);
    expect(listened).toBeLessThanOrEqual(180 + graceMsMax / 1000 + 2);
  });

  test("what it said anew is a new silence, with a new minute", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 1));
    for (let sequence = 2; sequence < 5; sequence += 1) {
      stage.listen(170);
      stage.sleep(10);
      expect(stage.known("mn-1").leaseExpiresAtMs - stage.nowMs).toBe(60_000);
      stage.contact(node("mn-1", sequence));
      expect(stage.known("mn-1").graceUsedMs).toBe(0);
    }
  });

  test("a departed node stays departed, and orphans have kept counting", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.sleep(400);
    expect(stage.known("mn-1").departed).toBeDefined();
    expect(stage.leftSeconds(u)).toBe(200);
    stage.sleep(200);
    expect(stage.live).toEqual([]);
  });

  test("a request is the first to be heard, and nothing has lapsed before it", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.listen(179);
    stage.nowMs += 3_600_000;
    stage.contact(node("mn-2", 1));
    expect(stage.orphans).toEqual([]);
  });

  test("tombstones that are put away at that moment do not undo what the lease was given", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(v));
    stage.continue(v, "start", { owner: "mn-1" });
    for (let hour = 0; hour < 24; hour += 1) stage.sleep(3599);
    stage.claim({ ...node("mn-1", 2), leaseSeconds: 60 }, statement(u));
    stage.sleep(3600);
    expect(stage.skipList.tombstoneCount, "evicted in that very pass").toBe(0);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 1 });
    stage.listen(59.999);
    expect(stage.orphans).toEqual([]);
  });

  test("the prolongation never shortens a lease and never exceeds its grace", () => {
    for (const leftMs of [0, 1, 30_000, 59_999, 60_000, 500_000]) {
      for (const usedMs of [0, 1, 30_000, graceMsMax]) {
        const lease = leaseAfterGap(leftMs, usedMs);
        const grantedMs = lease.leftMs - leftMs;
        expect(grantedMs).toBe(Math.min(Math.max(0, 60_000 - leftMs), graceMsMax - usedMs));
        expect(lease.graceUsedMs).toBe(usedMs + grantedMs);
      }
    }
  });
});
