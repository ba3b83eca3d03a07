// What a start makes of what was stored: within one boot the boot-time clock has gone on counting,
// across boots the wall time since the last checkpoint is taken off.

import { describe, expect, test } from "vitest";
import type { Instant } from "../../src/core/instant.ts";
import { isSameBoot, recall } from "../../src/core/past.ts";
import type { StoredState } from "../../src/core/records.ts";
import { at, vm } from "./sightings.ts";
import { fateOf, policy, Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";
import { contentOf, recalledFrom, storedOf } from "./stored.ts";

const [u, v] = [vm(1), vm(2)];

/** The stage goes on with what a start makes of what was stored of another. */
class Restarted extends Stage {
  constructor(stored: StoredState, bootId: string, now: Instant) {
    super({ nowMs: now.ms });
    this.skipList = recalledFrom(stored, bootId, now, policy);
  }
}

/** An orphan with 500 s left, an active claim, a tombstone of each kind, a floor and an amnesia. */
function busy(): Stage {
  const stage = new Stage({ nowMs: 50_000 });
  stage.beginAmnesia();
  stage.claim(node("mn-1", 1), statement(u));
  stage.claim({ ...node("mn-2", 4), leaseSeconds: 300, orphanTtlSeconds: 77 }, statement(v));
  stage.operator({ ...statement(v, "brief"), orphanTtlSeconds: 10 });
  stage.list(node("mn-2", 5), statement(v), statement(v, "over"));
  stage.continue(v, "over", { owner: "mn-2" });
  stage.continueVm(u, { id: "mn-2", epoch: 1, sequence: 3 });
  stage.depart("mn-1");
  stage.listen(100);
  return stage;
}

describe("a start within the same boot", () => {
  test("at the same moment brings back all of it: what was stored is what is recalled", () => {
    const stage = busy();
    expect(stage.skipList.tombstoneCount).toBe(2);
    expect(stage.skipList.floorCount).toBe(1);
    const stored = storedOf(stage.skipList, "boot-1", stage.now());
    const recalled = recalledFrom(stored, "boot-1", stage.now(), policy);
    expect(contentOf(recalled)).toEqual(contentOf(stage.skipList));
    expect(recalled.listenedUntilMs).toBe(stage.nowMs);
  });

  test.each([0, 1, 499.999])("after %s s the TTL of an orphan has gone on by that", (seconds) => {
    const stage = busy();
    const stored = storedOf(stage.skipList, "boot-1", stage.now());
    const again = new Restarted(stored, "boot-1", at(stage.nowMs + seconds * 1000));
    again.pass();
    expect(again.leftSeconds(u)).toBeCloseTo(500 - seconds, 6);
  });

  test("whatever the wall clock says", () => {
    const stage = busy();
    const stored = storedOf(stage.skipList, "boot-1", stage.now());
    for (const wallMs of [-1e12, 0, 1e12]) {
      const again = new Restarted(stored, "boot-1", at(stage.nowMs + 7000, wallMs));
      expect(again.leftSeconds(u)).toBe(493);
      expect(again.skipList.amnesia?.endsAtMs).toBe(650_000);
    }
  });

  test("after the TTL it is over at the first look at the clock", () => {
    const stage = busy();
    const stored = storedOf(stage.skipList, "boot-1", stage.now());
    const again = new Restarted(stored, "boot-1", at(stage.nowMs + 500_000));
    again.pass();
    expect(again.live).not.toContain("mn-1 start 1");
    expect(fateOf(again, node("mn-1", 1), u)).toBe("operation-expired");
  });

  test("however often it happens the TTL is not restarted", () => {
    const stage = busy();
    const endsAtMs = stage.nowMs + 500_000;
    let stored = storedOf(stage.skipList, "boot-1", stage.now());
    let again = new Restarted(stored, "boot-1", stage.now());
    for (let start = 1; start <= 40; start += 1) {
      again = new Restarted(stored, "boot-1", at(stage.nowMs + start * 12_000));
      again.pass();
      stored = storedOf(again.skipList, "boot-1", again.now());
    }
    expect(again.only(u).orphan?.expiresAtMs).toBe(endsAtMs);
    again.nowMs = endsAtMs;
    again.pass();
    expect(again.live).not.toContain("mn-1 start 1");
  });
});

describe("a node that is not departed has, after a start,", () => {
  test.each([
    ["what it had left", 100, 200],
    ["at least a minute", 290, 60],
  ])("%s, however long the agent was down", (_, silentSeconds, leftSeconds) => {
    for (const bootId of ["boot-1", "boot-2"]) {
      const stage = new Stage();
      stage.claim({ ...node("mn-2", 1), leaseSeconds: 300 }, statement(v));
      stage.listen(silentSeconds);
      const stored = storedOf(stage.skipList, "boot-1", stage.now());
      const again = new Restarted(stored, bootId, at(stage.nowMs + 7_200_000));
      again.listen(leftSeconds - 0.001);
      expect(again.orphans).toEqual([]);
      again.listen(0.001);
      expect(again.orphans).toEqual(["mn-2 start 2"]);
    }
  });

  test("over a loop of crashes, in sum no more than its lease and one more minute", () => {
    const stage = new Stage();
    stage.claim({ ...node("mn-2", 1), leaseSeconds: 100 }, statement(v));
    let stored = storedOf(stage.skipList, "boot-1", stage.now());
    let runs = 0;
    for (; runs < 100; runs += 1) {
      const again = new Restarted(stored, "boot-1", at(runs * 60_000));
      again.listen(2); // and a checkpoint, and a crash
      stored = storedOf(again.skipList, "boot-1", again.now());
      if (again.orphans.length > 0) break;
    }
    expect(runs * 2).toBeGreaterThanOrEqual(98);
    expect(runs * 2).toBeLessThanOrEqual(162);
  });

  test("nothing, if it was departed: it stays so", () => {
    const stage = busy();
    const stored = storedOf(stage.skipList, "boot-1", stage.now());
    const again = new Restarted(stored, "boot-2", at(3_600_000));
    again.pass();
    expect(again.known("mn-1").departed?.cause).toBe("departed");
  });
});

describe("a start after a reboot", () => {
  const wallMs = 1e9;

  /** Stored at a wall time, and started anew so much later on the wall clock. */
  function rebooted(laterMs: number, bootMs: number): Restarted {
    const stage = busy();
    const now = { ms: stage.nowMs, wallMs };
    const stored = storedOf(stage.skipList, "boot-1", now);
    return new Restarted(stored, "boot-2", { ms: bootMs, wallMs: wallMs + laterMs });
  }

  test.each([
    ["the wall time since is taken off", 60_000, 440],
    ["a backward step counts as none", -3_600_000, 500],
  ])("of what an orphan had left at the checkpoint %s", (_, laterMs, leftSeconds) => {
    for (const bootMs of [20_000, 9_000_000]) {
      expect(rebooted(laterMs, bootMs).leftSeconds(u)).toBe(leftSeconds);
    }
  });

  test("and more wall time than was left, it is over", () => {
    const again = rebooted(500_000, 20_000);
    again.pass();
    expect(again.live).toEqual(["mn-2 start 2"]);
  });

  test("amnesia goes on with what was left of it", () => {
    const again = rebooted(60_000, 20_000);
    expect(again.skipList.amnesia?.endsAtMs).toBe(20_000 + 440_000);
    expect(again.skipList.amnesia?.since.ms).toBe(20_000 - 160_000);
  });

  test("tombstones and floors are as old as they are", () => {
    const again = rebooted(60_000, 20_000);
    // The floor and the first tombstone were left 100 s before the checkpoint, 160 s ago.
    again.sleep(86_400 - 160);
    expect(again.skipList.floorCount).toBe(1);
    // That of the operator's claim was left 90 s before, and the orphan has ended since.
    expect(again.skipList.tombstoneCount).toBe(3);
    again.sleep(0.001);
    expect(again.skipList.floorCount).toBe(0);
    expect(again.skipList.tombstoneCount).toBe(2);
    again.sleep(10);
    expect(again.skipList.tombstoneCount).toBe(1);
  });

  test("every instant is moved alike, and the wall clock's is left as it was", () => {
    const again = rebooted(60_000, 20_000);
    const { madeAt, orphan } = again.only(u);
    const movedMs = 20_000 - 60_000 - 150_000;
    const made = busy().only(u);
    expect(madeAt).toEqual({ ms: made.madeAt.ms + movedMs, wallMs: made.madeAt.wallMs });
    expect(orphan?.since.ms).toBe((made.orphan?.since.ms ?? 0) + movedMs);
    expect(again.known("mn-1").lastSeenAt.ms).toBe(50_000 + movedMs);
    expect(again.known("mn-1").departed?.at.ms).toBe(50_000 + movedMs);
  });

  test("active claims live on, and what their node says of them is heard", () => {
    const again = rebooted(60_000, 20_000);
    expect(again.orphans).toEqual(["mn-1 start 1"]);
    again.list(node("mn-2", 6));
    expect(again.live).toEqual(["mn-1 start 1"]);
    expect(fateOf(again, node("mn-2", 5), v)).toBe("stale-claim");
  });
});

describe("the boot", () => {
  const stored = storedOf(new Stage().skipList, "boot-1", at(1000));

  test.each([
    ["is the same while its id is and its clock has not gone back", "boot-1", 1000, true],
    ["is another if its id is", "boot-2", 2000, false],
    ["is another if the clock that never steps has gone back", "boot-1", 999, false],
  ] as const)("%s", (_, bootId, ms, isSame) => {
    expect(isSameBoot(stored, bootId, at(ms))).toBe(isSame);
  });

  test("with a clock that went back keeps what an orphan had left", () => {
    const stage = busy();
    const ofBusy = storedOf(stage.skipList, "boot-1", { ms: stage.nowMs, wallMs: 5000 });
    const again = new Restarted(ofBusy, "boot-1", { ms: 10_000, wallMs: 6000 });
    expect(again.leftSeconds(u)).toBe(499);
  });
});

test("an empty store recalls nothing", () => {
  const stored = storedOf(new Stage().skipList, "boot-1", at(1000));
  expect(recall(stored, "boot-1", at(2000))).toEqual([]);
});
