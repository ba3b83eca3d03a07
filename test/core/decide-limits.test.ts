import { describe, expect, test } from "vitest";
import { claimsPerNodeMax, decideClaim, decideList } from "../../src/core/decide.ts";
import { managementNodesMax } from "../../src/core/contact.ts";
import { endedClaimsMax } from "../../src/core/skip-list.ts";
import { at, vm } from "./sightings.ts";
import { node, outcome, statement, Talk } from "./statements.ts";

const statements = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => statement(vm(from + index)));

describe("a node with 20,000 claims", () => {
  function full(): Talk {
    const talk = new Talk();
    talk.list(node("mn-1", 1), ...statements(20_000));
    return talk;
  }

  test("is what the limit promises", () => {
    expect(claimsPerNodeMax).toBe(20_000);
    const talk = full();
    expect(talk.skipList.size).toBe(20_000);
  });

  test("gets no further one, may say those again, and does not take room from others", () => {
    const talk = full();
    const more = decideClaim(talk.skipList, node("mn-1", 2), statement(vm(50_000)), at(9));
    expect(outcome(more)).toBe("too-many-claims");
    expect(talk.claim(node("mn-1", 2), statement(vm(7))).changes).toHaveLength(2);
    talk.claim(node("mn-2", 1), statement(vm(50_000)));
    talk.continue(vm(7), "start", "mn-1");
    talk.claim(node("mn-1", 3), statement(vm(50_001)));
    expect(talk.skipList.claimsOf("mn-1")).toHaveLength(20_000);
  });

  test("may replace all of them by one list: what ends makes room first", () => {
    const talk = full();
    const { refused } = talk.list(node("mn-1", 2), ...statements(20_000, 100_000));
    expect(refused).toEqual([]);
    expect(talk.skipList.size).toBe(20_000);
    expect(talk.skipList.claimsOn(vm(100_000))).toHaveLength(1);
  });

  test("is told which entries of a list found no room, and told so again by its replay", () => {
    const talk = full(); // of epoch 1, which a list of epoch 2 does not end
    talk.continue(vm(5));
    const list = [statement(vm(6)), statement(vm(50_001)), statement(vm(50_002))];
    for (const said of ["first", "again"]) {
      const { refused } = talk.list(node("mn-1", 1, 2), ...list);
      const refusal = expect.objectContaining({ code: "too-many-claims" });
      expect({ said, refused }).toEqual({
        said,
        refused: [{ ...statement(vm(50_002)), refusal }],
      });
    }
    expect(talk.skipList.claimsOf("mn-1")).toHaveLength(20_000);
    expect(talk.skipList.claimsOn(vm(50_001))).toHaveLength(1);
  });

  test("does not hold up the loop when all end beyond the memory, or lie on one VM", () => {
    const talk = new Talk();
    const before = process.cpuUsage();
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      talk.list(node("mn-1", sequence), ...statements(20_000, sequence * 20_000));
    }
    const onOneVm = Array.from({ length: 20_000 }, (_, index) => statement(vm(1), `op-${index}`));
    talk.list(node("mn-1", 5), ...onOneVm);
    talk.list(node("mn-1", 6));
    // Six lists in the time that one answer is promised in (two observations and half a second);
    // ways that take the square of their number took 1.6 to 7 s for one of them.
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(2500);
    expect(talk.skipList.endedSince(0)).toHaveLength(endedClaimsMax);
  });
});

describe("with 64 nodes known", () => {
  /** mn-1 spoke first and mn-64 last; those in `claiming` have a claim. */
  function crowd(claiming: (number: number) => boolean): Talk {
    const talk = new Talk();
    for (let number = 1; number <= managementNodesMax; number += 1) {
      const from = node(`mn-${number}`, 1);
      talk.list(from, ...(claiming(number) ? [statement(vm(number))] : []));
    }
    return talk;
  }
  const ids = (talk: Talk): string[] => talk.skipList.managementNodes().map(({ id }) => id);

  test("one more makes the longest silent of those without claims forgotten", () => {
    expect(managementNodesMax).toBe(64);
    const talk = crowd((number) => number === 1);
    talk.list(node("mn-2", 2)); // no longer the longest silent
    talk.claim(node("mn-65", 1), statement(vm(65)));
    expect(ids(talk)).toHaveLength(64);
    expect(ids(talk)).toContain("mn-65");
    expect(["mn-1", "mn-2", "mn-3", "mn-4"].filter((id) => ids(talk).includes(id))).toEqual([
      "mn-1",
      "mn-2",
      "mn-4",
    ]);
  });

  test("that all have claims, one more is refused, by claim and by list", () => {
    const talk = crowd(() => true);
    const from = node("mn-65", 1);
    for (const decision of [
      decideClaim(talk.skipList, from, statement(vm(65)), at(9)),
      decideList(talk.skipList, from, [statement(vm(65))], at(9)),
    ]) {
      expect(outcome(decision)).toBe("too-many-management-nodes");
    }
    expect(talk.skipList.size).toBe(64);
  });

  test("that all have claims, each of them is still heard", () => {
    const talk = crowd(() => true);
    talk.list(node("mn-64", 2), statement(vm(64)), statement(vm(99)));
    expect(talk.skipList.size).toBe(65);
  });
});

describe("what is known of a node", () => {
  test("is its last statement; one that was overtaken does not turn it back", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5, 2));
    talk.claim(node("mn-1", 4, 2), statement(vm(1)));
    const [known] = talk.skipList.managementNodes();
    expect(known).toMatchObject({ epoch: 2, sequence: 5, instance: "mn-1 of epoch 2" });
    expect(known).toMatchObject({ lastList: { sequence: 5 }, lastSeenAt: at(2) });
  });

  test("loses the last list with the epoch", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5, 1));
    talk.claim(node("mn-1", 1, 2), statement(vm(1)));
    const [known] = talk.skipList.managementNodes();
    expect(known?.lastList).toBeUndefined();
  });
});
