import { describe, expect, test } from "vitest";
import { claimsPerNodeMax } from "../../src/core/decide.ts";
import { managementNodesMax } from "../../src/core/contact.ts";
import { endedClaimsMax } from "../../src/core/skip-list.ts";
import { at, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { claimChanges, node, outcome, statement } from "./statements.ts";

const statements = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => statement(vm(from + index)));

describe("a node with 20,000 claims", () => {
  function full(): Stage {
    const stage = new Stage();
    stage.list(node("mn-1", 1), ...statements(20_000));
    return stage;
  }

  test("is what the limit promises", () => {
    expect(claimsPerNodeMax).toBe(20_000);
    const stage = full();
    expect(stage.skipList.size).toBe(20_000);
  });

  test("gets no further one, may say those again, and does not take room from others", () => {
    const stage = full();
    const more = stage.tryClaim(node("mn-1", 2), statement(vm(50_000)));
    expect(outcome(more)).toBe("too-many-claims");
    expect(claimChanges(stage.claim(node("mn-1", 2), statement(vm(7))).changes)).toEqual([
      "claimed",
    ]);
    stage.claim(node("mn-2", 1), statement(vm(50_000)));
    stage.continue(vm(7), "start", { owner: "mn-1" });
    stage.claim(node("mn-1", 3), statement(vm(50_001)));
    expect(stage.skipList.claimsOf("mn-1")).toHaveLength(20_000);
  });

  test("may replace all of them by one list: what ends makes room first", () => {
    const stage = full();
    const { refused } = stage.list(node("mn-1", 2), ...statements(20_000, 100_000));
    expect(refused).toEqual([]);
    expect(stage.skipList.size).toBe(20_000);
    expect(stage.skipList.claimsOn(vm(100_000))).toHaveLength(1);
  });

  test("is told which entries of a list found no room, and told so again by its replay", () => {
    const stage = full(); // of epoch 1, which a list of epoch 2 does not end
    stage.continue(vm(5));
    const list = [statement(vm(6)), statement(vm(50_001)), statement(vm(50_002))];
    for (const said of ["first", "again"]) {
      const { refused } = stage.list(node("mn-1", 1, 2), ...list);
      const refusal = expect.objectContaining({ code: "too-many-claims" });
      expect({ said, refused }).toEqual({
        said,
        refused: [{ ...statement(vm(50_002)), refusal }],
      });
    }
    expect(stage.skipList.claimsOf("mn-1")).toHaveLength(20_000);
    expect(stage.skipList.claimsOn(vm(50_001))).toHaveLength(1);
  });

  test("does not hold up the loop when all end beyond the memory, or lie on one VM", () => {
    const stage = new Stage();
    const before = process.cpuUsage();
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      stage.list(node("mn-1", sequence), ...statements(20_000, sequence * 20_000));
    }
    const onOneVm = Array.from({ length: 20_000 }, (_, index) => statement(vm(1), `op-${index}`));
    stage.list(node("mn-1", 5), ...onOneVm);
    stage.list(node("mn-1", 6));
    // Six lists in the time that one answer is promised in (two observations and half a second);
    // ways that take the square of their number took 1.6 to 7 s for one of them.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(2500);
    expect(stage.ended).toHaveLength(endedClaimsMax);
  });
});

describe("with 64 nodes known", () => {
  /** mn-1 spoke first and mn-64 last; those in `claiming` have a claim. */
  function crowd(claiming: (number: number) => boolean): Stage {
    const stage = new Stage();
    for (let number = 1; number <= managementNodesMax; number += 1) {
      stage.nowMs += 1;
      const from = node(`mn-${number}`, 1);
      stage.list(from, ...(claiming(number) ? [statement(vm(number))] : []));
    }
    return stage;
  }
  const ids = (stage: Stage): string[] => [...stage.skipList.managementNodes()].map(({ id }) => id);

  test("one more makes the longest silent of the departed without claims forgotten", () => {
    expect(managementNodesMax).toBe(64);
    const stage = crowd((number) => number === 1);
    stage.nowMs += 1;
    stage.list(node("mn-3", 2)); // no longer the longest silent
    for (const id of ["mn-5", "mn-3", "mn-4", "mn-1"]) stage.depart(id);
    const { changes } = stage.claim(node("mn-65", 1), statement(vm(65)));
    expect(changes).toContainEqual({ kind: "node-forgotten", managementNodeId: "mn-4" });
    expect(ids(stage)).toHaveLength(64);
    expect(ids(stage)).toContain("mn-65");
    const first = ["mn-1", "mn-2", "mn-3", "mn-4", "mn-5"];
    expect(first.filter((id) => !ids(stage).includes(id))).toEqual(["mn-4"]);
  });

  test("that are alive, or have orphans, one more is refused: none of them is forgotten", () => {
    const stage = crowd((number) => number === 1);
    stage.depart("mn-1");
    const from = node("mn-65", 1);
    expect(outcome(stage.tryClaim(from, statement(vm(65))))).toBe("too-many-management-nodes");
    expect(outcome(stage.tryList(from))).toBe("too-many-management-nodes");
    stage.continue(vm(1), "start", { owner: "mn-1" });
    expect(outcome(stage.tryList(from))).toBe("accepted");
  });

  test("room is made by the same claim that is refused for another reason: nobody is forgotten", () => {
    const stage = crowd(() => false);
    stage.depart("mn-1");
    stage.continue(vm(65), "start", { owner: "mn-65" });
    const decision = stage.tryClaim(node("mn-65", 1), statement(vm(65)));
    expect(outcome(decision)).toBe("operation-continued");
    expect(ids(stage)).toContain("mn-1");
  });

  test("that all have claims, one more is refused, by claim and by list", () => {
    const stage = crowd(() => true);
    const from = node("mn-65", 1);
    for (const decision of [
      stage.tryClaim(from, statement(vm(65))),
      stage.tryList(from, statement(vm(65))),
    ]) {
      expect(outcome(decision)).toBe("too-many-management-nodes");
    }
    expect(stage.skipList.size).toBe(64);
  });

  test("that all have claims, each of them is still heard", () => {
    const stage = crowd(() => true);
    stage.list(node("mn-64", 2), statement(vm(64)), statement(vm(99)));
    expect(stage.skipList.size).toBe(65);
  });
});

// What was known of a node that is forgotten is gone: its epoch, its last list and its floor.
test.fails("a claim of an older epoch does not live after its node was forgotten", () => {
  const stage = new Stage();
  stage.contact(node("mn-1", 1, 2));
  stage.depart("mn-1", 2);
  for (let number = 2; number <= managementNodesMax + 1; number += 1) {
    stage.contact(node(`mn-${number}`, 1));
  }
  stage.depart("mn-2");
  expect(outcome(stage.tryClaim(node("mn-1", 9, 1), statement(vm(1))))).not.toBe("accepted");
});

describe("what is known of a node", () => {
  test("is its last statement; one that was overtaken does not turn it back", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5, 2));
    stage.nowMs = 2;
    stage.contact(node("mn-1", 4, 2));
    const known = stage.known("mn-1");
    expect(known).toMatchObject({ epoch: 2, sequence: 5, instance: "mn-1 of epoch 2" });
    expect(known).toMatchObject({ lastList: { sequence: 5 }, lastSeenAt: at(2) });
  });

  test("loses the last list with the epoch", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5, 1));
    stage.claim(node("mn-1", 1, 2), statement(vm(1)));
    expect(stage.known("mn-1").lastList).toBeUndefined();
  });
});
