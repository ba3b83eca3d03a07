import { describe, expect, test } from "vitest";
import { at, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, outcome, statement } from "./statements.ts";

const u = vm(1);

describe("a claim", () => {
  test("lives from its receipt, with what its statement said", () => {
    const stage = new Stage({ nowMs: 1 });
    const said = { ...statement(u, "start", "because"), orphanTtlSeconds: 30 };
    const decision = stage.claim(node("mn-1", 7, 3), said);
    const key = { vmUuid: u, managementNodeId: "mn-1", operationId: "start" };
    const claim = stage.skipList.find(key);
    expect(claim).toEqual({
      ...key,
      reason: "because",
      orphanTtlSeconds: 30,
      epoch: 3,
      sequence: 7,
      madeAt: at(1),
    });
    expect(claim?.orphan).toBeUndefined();
    expect(decision.changes).toContainEqual({ kind: "claimed", claim, was: undefined });
  });

  test("of the same VM and operation by two nodes is two claims; each ends its own", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    stage.claim(node("mn-2", 1), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-2 start 1"]);
    stage.continue(u, "start", { owner: "mn-1" });
    expect(stage.live).toEqual(["mn-2 start 1"]);
  });

  test("of two operations on one VM is counted one by one", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u, "start"));
    stage.claim(node("mn-1", 2), statement(u, "migrate"));
    stage.continue(u, "start");
    expect(stage.live).toEqual(["mn-1 migrate 1"]);
  });

  test("said again takes the new reason and TTL and keeps the moment at which it was made", () => {
    const stage = new Stage({ nowMs: 1 });
    stage.claim(node("mn-1", 1), { ...statement(u), orphanTtlSeconds: 30 });
    const was = stage.only(u);
    stage.nowMs = 5;
    const { changes } = stage.claim(node("mn-1", 2), statement(u, "start", "another"));
    const claim = stage.only(u);
    expect(claim).toMatchObject({ reason: "another", sequence: 2, madeAt: at(1) });
    expect(claim.orphanTtlSeconds).toBeUndefined();
    expect(changes).toContainEqual({ kind: "claimed", claim, was });
  });

  test.each([
    ["a higher sequence raises", [1, 5], [1, 6], [1, 6], "another"],
    ["a lower sequence does not lower", [1, 5], [1, 4], [1, 5], "why"],
    ["a higher epoch raises, whatever the sequence", [1, 5], [2, 1], [2, 1], "another"],
  ] as const)("said again: %s its epoch and sequence", (_, first, again, result, reason) => {
    for (const how of ["claim", "list"] as const) {
      const stage = new Stage();
      stage.claim(node("mn-1", first[1], first[0]), statement(u));
      stage[how](node("mn-1", again[1], again[0]), statement(u, "start", "another"));
      const claim = stage.only(u);
      expect([claim.epoch, claim.sequence]).toEqual(result);
      expect(claim.reason, "an overtaken statement says nothing new").toBe(reason);
    }
  });

  test("may arrive in any order with others of its node", () => {
    const stage = new Stage();
    for (const sequence of [5, 3, 4, 1, 2]) {
      stage.claim(node("mn-1", sequence), statement(vm(sequence)));
    }
    expect(stage.live).toHaveLength(5);
    expect(stage.known("mn-1").sequence).toBe(5);
  });

  test("has no end of its own while its node is heard", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), { ...statement(u), orphanTtlSeconds: 1 });
    for (let minute = 0; minute < 200; minute += 1) {
      stage.contact(node("mn-1", minute + 2));
      stage.listen(60);
    }
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(stage.orphans).toEqual([]);
  });
});

describe("a claim of the operator", () => {
  test("is an orphan with a TTL from the start: its own, else the agent's", () => {
    const stage = new Stage({ nowMs: 3 });
    stage.operator(statement(u));
    stage.operator({ ...statement(vm(2)), orphanTtlSeconds: 30 });
    const orphan = { cause: "operator", since: at(3), ttlSeconds: 600, expiresAtMs: 600_003 };
    expect(stage.only(u)).toMatchObject({ managementNodeId: "operator", orphan });
    expect(stage.leftSeconds(vm(2))).toBe(30);
    stage.listen(30);
    expect(stage.live).toEqual(["operator start 1"]);
    stage.listen(570);
    expect(stage.live).toEqual([]);
  });

  test("said again begins its TTL anew, before and after its end", () => {
    const stage = new Stage();
    stage.operator({ ...statement(u), orphanTtlSeconds: 30 });
    stage.listen(20);
    stage.operator({ ...statement(u), orphanTtlSeconds: 30 });
    stage.listen(29);
    expect(stage.leftSeconds(u)).toBe(1);
    stage.listen(1);
    expect(stage.live).toEqual([]);
    stage.operator({ ...statement(u), orphanTtlSeconds: 30 });
    expect(stage.leftSeconds(u)).toBe(30);
    expect(stage.skipList.tombstoneCount).toBe(0);
  });

  test("that was continued is refused", () => {
    const stage = new Stage();
    stage.operator(statement(u));
    stage.continue(u);
    expect(stage.live).toEqual([]);
    expect(outcome(stage.tryOperator(statement(u)))).toBe("operation-continued");
  });

  test("makes no management node known, and no departure ends or shortens it", () => {
    const stage = new Stage();
    stage.operator(statement(u));
    stage.depart("operator", 9);
    expect(stage.skipList.managementNodeCount).toBe(0);
    expect(stage.leftSeconds(u)).toBe(600);
  });
});
