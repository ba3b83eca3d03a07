// What remains of operations that are over, for how long, and what is left when it is put away.

import { describe, expect, test } from "vitest";
import { tombstoneAgeMsMax, tombstonesMax } from "../../src/core/tombstone.ts";
import { at, vm } from "./sightings.ts";
import { fateOf, Stage } from "./stage.ts";
import { node, outcome, statement } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a tombstone left by the end of a TTL", () => {
  /** The claim of sequence 3 of a node that was last seen at 5 has expired. */
  function expired(): Stage {
    const stage = new Stage();
    stage.claim(node("mn-1", 3), statement(u));
    stage.contact(node("mn-1", 5));
    stage.depart("mn-1");
    stage.listen(600);
    expect(stage.live).toEqual([]);
    return stage;
  }

  test("refuses statements up to its owner's highest sequence seen", () => {
    const stage = expired();
    for (const sequence of [2, 3, 4, 5]) {
      expect(fateOf(stage, node("mn-1", sequence), u)).toBe("operation-expired");
    }
  });

  test("lets a newer one revive the claim, and is gone then", () => {
    const stage = expired();
    stage.claim(node("mn-1", 6), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(stage.only(u).madeAt).toEqual(stage.now());
    expect(stage.skipList.tombstoneCount).toBe(0);
  });

  test("lets a list revive it, and the next epoch", () => {
    for (const from of [node("mn-1", 6), node("mn-1", 1, 2)]) {
      const stage = expired();
      stage.list(from, statement(u));
      expect(stage.live).toEqual(["mn-1 start 1"]);
    }
  });

  test("refuses by the sequence at which it was laid, not by what was seen since", () => {
    const stage = expired();
    stage.contact(node("mn-1", 50));
    expect(fateOf(stage, node("mn-1", 5), u)).toBe("operation-expired");
    expect(fateOf(stage, node("mn-1", 6), u)).toBe("accepted");
  });

  test("becomes one that never gives way when the operation is continued after all", () => {
    const stage = expired();
    stage.continue(u, "start", { owner: "mn-1" });
    expect(fateOf(stage, node("mn-1", 99), u)).toBe("operation-continued");
    expect(stage.skipList.tombstoneCount).toBe(1);
  });

  test("says nothing of other nodes, VMs and operations", () => {
    const stage = expired();
    expect(fateOf(stage, node("mn-2", 1), u)).toBe("accepted");
    expect(fateOf(stage, node("mn-1", 4), v)).toBe("accepted");
    expect(fateOf(stage, node("mn-1", 4), u, "migrate")).toBe("accepted");
  });
});

describe("tombstones are kept", () => {
  test("for 24 hours; then their owner's floor refuses what is not newer and does not live", () => {
    expect(tombstoneAgeMsMax).toBe(86_400_000);
    const stage = new Stage();
    stage.claim(node("mn-1", 7), statement(u));
    stage.claim(node("mn-1", 8), statement(v));
    stage.continue(u, "start", { owner: "mn-1" });
    stage.sleep(86_400);
    expect(stage.skipList.tombstoneCount).toBe(1);
    expect(stage.known("mn-1").floor).toBeUndefined();
    stage.sleep(0.001);
    expect(stage.skipList.tombstoneCount).toBe(0);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 8 });
    expect(fateOf(stage, node("mn-1", 7), u), "of the same operation").toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 8), u)).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 9), u)).toBe("accepted");
    expect(fateOf(stage, node("mn-2", 1), u), "of another node").toBe("accepted");
    expect(outcome(stage.tryClaim(node("mn-1", 6), statement(v))), "lives already").toBe(
      "accepted",
    );
  });

  test("with the sequence of the continue, if that was higher than what had arrived by then", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 2));
    stage.continue(u, "start", { caller: { id: "mn-1", epoch: 1, sequence: 9 } });
    stage.contact(node("mn-1", 10));
    stage.sleep(86_401);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 9 });
  });

  test("never above what its owner has reached: an invented place shuts nobody out", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 2));
    const caller = { id: "mn-1", epoch: 2 ** 50, sequence: 2 ** 50 };
    stage.continue(u, "start", { caller });
    stage.continueVm(v, caller);
    stage.sleep(86_401);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 2 });
    expect(fateOf(stage, node("mn-1", 3), v)).toBe("accepted");
  });

  test("up to 100,000; beyond it the oldest goes first and raises its owner's floor", () => {
    expect(tombstonesMax).toBe(100_000);
    const stage = new Stage();
    stage.contact(node("mn-1", 4));
    stage.contact(node("mn-2", 6));
    stage.continue(u, "first", { owner: "mn-1" });
    stage.continue(u, "second", { owner: "mn-2" });
    const rest = Array.from({ length: tombstonesMax - 2 }, (_, number) => ({
      kind: "tombstone" as const,
      tombstone: {
        vmUuid: v,
        managementNodeId: "mn-3",
        operationId: `op-${number}`,
        kind: "continued" as const,
        upTo: { epoch: 0, sequence: 0 },
        at: at(0),
      },
    }));
    stage.skipList.apply(rest);
    stage.pass();
    expect(stage.skipList.tombstoneCount).toBe(tombstonesMax);
    stage.contact(node("mn-1", 20));
    // Laid anew, the first is the youngest.
    stage.continue(u, "first", { owner: "mn-1" });
    stage.continue(u, "one more", { owner: "mn-1" });
    stage.pass();
    expect(stage.skipList.tombstoneCount).toBe(tombstonesMax);
    expect(stage.known("mn-1").floor).toBeUndefined();
    expect(stage.known("mn-2").floor).toEqual({ epoch: 1, sequence: 6 });
    expect(fateOf(stage, node("mn-2", 6), u, "second")).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 99), u, "first")).toBe("operation-continued");
  });

  test("and put away a thousand at once: one decision stays short", () => {
    const stage = new Stage();
    const laid = Array.from({ length: 2500 }, (_, number) => ({
      kind: "tombstone" as const,
      tombstone: {
        vmUuid: v,
        managementNodeId: "mn-1",
        operationId: `op-${number}`,
        kind: "continued" as const,
        upTo: { epoch: 1, sequence: number },
        at: at(0),
      },
    }));
    stage.contact(node("mn-1", 2500));
    stage.skipList.apply(laid);
    const counts = [86_401, 0.1, 0.1].map((seconds) => {
      stage.sleep(seconds);
      return stage.skipList.tombstoneCount;
    });
    expect(counts).toEqual([1500, 500, 0]);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 2499 });
  });
});

// It has no owner whose floor could be raised.
test.fails("a tombstone that holds for all owners leaves a floor when it is put away", () => {
  const stage = new Stage();
  stage.contact(node("mn-1", 9));
  stage.continue(u, "start");
  stage.sleep(86_401);
  expect(fateOf(stage, node("mn-1", 5), u)).not.toBe("accepted");
});

describe("the floor of a VM", () => {
  test("is kept for 24 hours, and then raises its owner's", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 2));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    stage.contact(node("mn-1", 6));
    stage.sleep(86_400);
    expect(stage.skipList.floorCount).toBe(1);
    expect(fateOf(stage, node("mn-1", 6), v)).toBe("accepted");
    stage.sleep(0.001);
    expect(stage.skipList.floorCount).toBe(0);
    expect(fateOf(stage, node("mn-1", 6), u)).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 6), v)).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 7), u)).toBe("accepted");
  });

  test("that is raised again is young again", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 2));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    stage.sleep(86_000);
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 7 });
    stage.sleep(86_000);
    expect(stage.skipList.floorCount).toBe(1);
    expect(fateOf(stage, node("mn-1", 7), u)).toBe("stale-claim");
  });
});

describe("a node's floor", () => {
  test("is never lowered, and outlives epochs and departures", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 9));
    stage.continue(u, "first", { owner: "mn-1" });
    stage.sleep(86_401);
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 3 });
    stage.sleep(86_401);
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 9 });
    stage.contact(node("mn-1", 1, 2));
    stage.depart("mn-1", 2);
    stage.contact(node("mn-1", 2, 2));
    expect(stage.known("mn-1").floor).toEqual({ epoch: 1, sequence: 9 });
  });
});
