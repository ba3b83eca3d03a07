import { describe, expect, test } from "vitest";
import { decideContinue } from "../../src/core/decide.ts";
import { at, vm } from "./sightings.ts";
import { node, outcome, statement, Talk } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a claim", () => {
  test("lives from its receipt, with what its statement said", () => {
    const talk = new Talk();
    const said = { ...statement(u, "start", "because"), orphanTtlSeconds: 30 };
    const decision = talk.claim(node("mn-1", 7, 3), said);
    const key = { vmUuid: u, managementNodeId: "mn-1", operationId: "start" };
    const claim = talk.skipList.find(key);
    expect(claim).toEqual({
      ...key,
      reason: "because",
      orphanTtlSeconds: 30,
      epoch: 3,
      sequence: 7,
      madeAt: at(1),
    });
    expect(decision.changes).toContainEqual({ kind: "claimed", claim, isNew: true });
  });

  test("of the same VM and operation by two nodes is two claims; each ends its own", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u));
    talk.claim(node("mn-2", 1), statement(u));
    expect(talk.live).toEqual(["mn-1 start 1", "mn-2 start 1"]);
    talk.continue(u, "start", "mn-1");
    expect(talk.live).toEqual(["mn-2 start 1"]);
  });

  test("of two operations on one VM is counted one by one", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u, "start"));
    talk.claim(node("mn-1", 2), statement(u, "migrate"));
    talk.continue(u, "start");
    expect(talk.live).toEqual(["mn-1 migrate 1"]);
  });

  test("said again takes the new reason and TTL and keeps the moment at which it was made", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), { ...statement(u), orphanTtlSeconds: 30 });
    const { changes } = talk.claim(node("mn-1", 2), statement(u, "start", "another"));
    const [claim] = talk.skipList.claimsOn(u);
    expect(claim).toMatchObject({ reason: "another", sequence: 2, madeAt: at(1) });
    expect(claim?.orphanTtlSeconds).toBeUndefined();
    expect(changes).toContainEqual({ kind: "claimed", claim, isNew: false });
  });

  test.each([
    ["a higher sequence raises", [1, 5], [1, 6], [1, 6]],
    ["a lower sequence does not lower", [1, 5], [1, 4], [1, 5]],
    ["a higher epoch raises, whatever the sequence", [1, 5], [2, 1], [2, 1]],
  ] as const)("said again: %s its epoch and sequence", (_, first, again, result) => {
    for (const how of ["claim", "list"] as const) {
      const talk = new Talk();
      talk.claim(node("mn-1", first[1], first[0]), statement(u));
      talk[how](node("mn-1", again[1], again[0]), statement(u, "start", "another"));
      const [claim] = talk.skipList.claimsOn(u);
      expect([claim?.epoch, claim?.sequence]).toEqual(result);
    }
  });
});

describe("a continue", () => {
  test("ends the claim of the owner that it names, now", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u));
    talk.continue(u, "start", "mn-1");
    expect(talk.live).toEqual([]);
    expect(talk.skipList.endedSince(0)).toMatchObject([
      { vmUuid: u, endedAt: at(2), cause: "continued", madeAt: at(1) },
    ]);
  });

  test("without an owner ends the one claim of that name", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u));
    talk.claim(node("mn-2", 1), statement(u, "other"));
    talk.claim(node("mn-2", 2), statement(v));
    talk.continue(u);
    expect(talk.live).toEqual(["mn-2 other 1", "mn-2 start 2"]);
  });

  test("without an owner, where several nodes have that claim, is refused and ends none", () => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u));
    talk.claim(node("mn-2", 1), statement(u));
    const key = { vmUuid: u, operationId: "start" };
    const decision = decideContinue(talk.skipList, key, undefined, at(9));
    expect(outcome(decision)).toBe("ambiguous-owner");
    expect(decision).toHaveProperty("detail", expect.stringContaining("mn-1, mn-2"));
  });

  test.each([
    ["VM", vm(9), "start", "mn-1"],
    ["operation", u, "unheard of", "mn-1"],
    ["owner", u, "start", "mn-9"],
    ["operation, without an owner", u, "unheard of", undefined],
  ] as const)("of an unknown %s succeeds and changes nothing", (_, uuid, operation, owner) => {
    const talk = new Talk();
    talk.claim(node("mn-1", 1), statement(u));
    const { revision } = talk.skipList;
    expect(talk.continue(uuid, operation, owner)).toEqual({ changes: [], refused: [] });
    expect(talk.live).toEqual(["mn-1 start 1"]);
    expect(talk.skipList.revision).toBe(revision);
  });
});
