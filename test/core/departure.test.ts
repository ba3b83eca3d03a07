// Departure only turns active claims into orphans (G3), and an orphan ends at its TTL or when it is
// continued, whichever is first (G4).

import { describe, expect, test } from "vitest";
import { at, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { claimChanges, node, statement } from "./statements.ts";

const [u, v, w] = [vm(1), vm(2), vm(3)];

describe("the departure of a node", () => {
  test("makes each of its active claims an orphan, drops none, and touches no other node's", () => {
    const stage = new Stage({ nowMs: 7 });
    stage.list(node("mn-1", 1), statement(u), statement(v));
    stage.claim(node("mn-2", 1), statement(u));
    stage.depart("mn-1");
    expect(stage.live).toEqual(["mn-1 start 1", "mn-1 start 2", "mn-2 start 1"]);
    expect(stage.orphans).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    const orphan = { cause: "departed", since: at(7), ttlSeconds: 600, expiresAtMs: 600_007 };
    expect(stage.only(v).orphan).toEqual(orphan);
    expect(stage.known("mn-1").departed).toEqual({ cause: "departed", at: at(7) });
  });

  test("names its epoch: an older one is a no-op, its own and a newer one are not", () => {
    for (const [epoch, orphans] of [
      [2, 0],
      [3, 1],
      [4, 1],
    ] as const) {
      const stage = new Stage();
      stage.claim(node("mn-1", 1, 3), statement(u));
      const { changes } = stage.depart("mn-1", epoch);
      expect(stage.orphans).toHaveLength(orphans);
      expect(changes).toHaveLength(orphans * 2);
    }
  });

  test("of one that is not known is a no-op", () => {
    const stage = new Stage();
    expect(stage.depart("mn-1").changes).toEqual([]);
    expect(stage.skipList.managementNodeCount).toBe(0);
  });

  test("said again is a no-op and restarts no TTL", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.listen(100);
    expect(stage.depart("mn-1").changes).toEqual([]);
    expect(stage.leftSeconds(u)).toBe(500);
  });

  test("leaves claims that were orphans already as they are", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.list(node("mn-1", 1, 2), statement(v));
    stage.listen(100);
    stage.depart("mn-1", 2);
    expect(stage.only(u).orphan).toMatchObject({ cause: "new-epoch", since: { ms: 0 } });
    expect(stage.leftSeconds(u)).toBe(500);
    expect(stage.leftSeconds(v)).toBe(600);
  });
});

describe("the TTL of an orphan", () => {
  test.each([
    ["its own", 30, 40, 30],
    ["else its node's", undefined, 40, 40],
    ["else the agent's", undefined, undefined, 50],
  ] as const)("is %s", (_, ofClaim, ofNode, ttlSeconds) => {
    const stage = new Stage({ policy: { orphanTtlSeconds: 50 } });
    const from = { ...node("mn-1", 1), orphanTtlSeconds: ofNode };
    stage.claim(from, { ...statement(u), orphanTtlSeconds: ofClaim });
    stage.depart("mn-1");
    expect(stage.only(u).orphan?.ttlSeconds).toBe(ttlSeconds);
    stage.listen(ttlSeconds - 0.001);
    expect(stage.live).toHaveLength(1);
    stage.listen(0.001);
    expect(stage.live).toEqual([]);
    expect(stage.ended).toMatchObject([{ cause: "ttl-expired", endedAt: stage.now() }]);
  });

  test("is fixed when it becomes one: what its node says later changes later departures only", () => {
    const stage = new Stage();
    stage.claim({ ...node("mn-1", 1), orphanTtlSeconds: 100 }, statement(u));
    stage.contact({ ...node("mn-1", 1, 2), orphanTtlSeconds: 5 });
    expect(stage.only(u).orphan, "by what was said of the epoch that is gone").toMatchObject({
      cause: "new-epoch",
      ttlSeconds: 100,
    });
    stage.claim(node("mn-1", 2, 2), statement(v));
    stage.depart("mn-1", 2);
    expect(stage.leftSeconds(u)).toBe(100);
    expect(stage.leftSeconds(v)).toBe(5);
  });

  test("counts while the agent does not listen, too", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.sleep(599.999);
    expect(stage.live).toHaveLength(1);
    stage.sleep(3600);
    expect(stage.live).toEqual([]);
  });

  test("is judged when it is read, whatever the wall clock says", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    expect(stage.skipList.nextDeadlineMs).toBeLessThanOrEqual(600_000);
    stage.nowMs = 600_000; // at which the wall clock of these tests has gone back by 600 s
    expect(claimChanges(stage.pass())).toEqual(["ended"]);
  });

  test("may be a second, or a day", () => {
    const stage = new Stage();
    const ofSeconds = (orphanTtlSeconds: number) => ({ orphanTtlSeconds });
    stage.claim(node("mn-1", 1), { ...statement(u), ...ofSeconds(1) });
    stage.claim(node("mn-1", 2), { ...statement(v), ...ofSeconds(86_400) });
    stage.depart("mn-1");
    stage.listen(1);
    expect(stage.live).toEqual(["mn-1 start 2"]);
    stage.sleep(86_398.999);
    expect(stage.live).toEqual(["mn-1 start 2"]);
    stage.sleep(0.001);
    expect(stage.live).toEqual([]);
  });
});

describe("a node that comes back", () => {
  const ways: readonly (readonly [
    string,
    (stage: Stage, sequence: number, epoch: number) => void,
  ])[] = [
    ["a sign of life", (stage, sequence, epoch) => stage.contact(node("mn-1", sequence, epoch))],
    [
      "a claim",
      (stage, sequence, epoch) => stage.claim(node("mn-1", sequence, epoch), statement(w)),
    ],
    [
      "a list that names them",
      (stage, sequence, epoch) =>
        stage.list(node("mn-1", sequence, epoch), statement(u), statement(v)),
    ],
  ];

  test.each(ways)("with the same epoch takes its orphans back by %s", (_, speak) => {
    for (const cause of ["departed", "lease-lapsed"] as const) {
      const stage = new Stage();
      stage.list(node("mn-1", 1), statement(u), statement(v));
      if (cause === "departed") stage.depart("mn-1");
      else stage.listen(180);
      expect(stage.orphans).toHaveLength(2);
      expect(stage.only(u).orphan?.cause).toBe(cause);
      speak(stage, 2, 1);
      expect(stage.orphans).toEqual([]);
      expect(stage.live).toEqual(expect.arrayContaining(["mn-1 start 1", "mn-1 start 2"]));
      expect(stage.known("mn-1").departed).toBeUndefined();
    }
  });

  test("and departs again leaves orphans with a whole TTL: they were active between", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.listen(500);
    stage.contact(node("mn-1", 2));
    stage.depart("mn-1");
    expect(stage.leftSeconds(u)).toBe(600);
  });

  test("after the TTL finds nothing to take back", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.listen(600);
    stage.contact(node("mn-1", 2));
    expect(stage.live).toEqual([]);
  });

  test("and does not name an orphan in its list ends it", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(v));
    stage.depart("mn-1");
    stage.list(node("mn-1", 2), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(stage.orphans).toEqual([]);
  });

  test("with a newer epoch takes back only what it names", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(v));
    stage.depart("mn-1");
    stage.listen(100);
    stage.list(node("mn-1", 1, 2), statement(u));
    expect(stage.orphans).toEqual(["mn-1 start 2"]);
    expect(stage.only(u)).toMatchObject({ epoch: 2, sequence: 1, madeAt: at(0) });
    expect(stage.leftSeconds(v), "its TTL goes on").toBe(500);
  });

  test("takes back no claim of an epoch before the one that departed", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.claim(node("mn-1", 1, 2), statement(v));
    stage.depart("mn-1", 2);
    stage.contact(node("mn-1", 2, 2));
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
  });

  test("takes back no claim that an earlier epoch lost by its own departure", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.depart("mn-1");
    stage.contact(node("mn-1", 1, 2));
    stage.depart("mn-1", 2);
    stage.contact(node("mn-1", 2, 2));
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
    expect(stage.only(u).orphan?.cause).toBe("departed");
  });
});

describe("the first request of a newer epoch", () => {
  test("orphans every older claim at once, in the same revision", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(v));
    const { revision } = stage.skipList;
    stage.contact(node("mn-1", 1, 2));
    expect(stage.orphans).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    expect(stage.only(u).orphan?.cause).toBe("new-epoch");
    expect(stage.skipList.revision).toBe(revision + 1);
  });

  test("that is a list keeps what it names active and ends nothing", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 50), statement(u), statement(v));
    stage.list(node("mn-1", 1, 2), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    expect(stage.orphans).toEqual(["mn-1 start 2"]);
  });

  test("is alive: a departure of the epoch before is a no-op", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.claim(node("mn-1", 1, 2), statement(v));
    expect(stage.depart("mn-1", 1).changes).toEqual([]);
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
  });
});
