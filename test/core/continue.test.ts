// "Continue tracing": the explicit end of claims (G5), in all its cases.

import { describe, expect, test } from "vitest";
import { vm } from "./sightings.ts";
import { fateOf, Stage } from "./stage.ts";
import { claimChanges, node, outcome, statement } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

/** mn-1 and mn-2 alive, mn-3 departed; each has claimed "start" on the VM where it is named. */
function staged(...owners: readonly string[]): Stage {
  const stage = new Stage();
  for (const id of ["mn-1", "mn-2", "mn-3"]) {
    if (owners.includes(id)) stage.claim(node(id, 1), statement(u));
    else stage.contact(node(id, 1));
  }
  stage.depart("mn-3");
  return stage;
}

describe("a continue of an operation", () => {
  test("ends the claim of the owner that it names, now, whoever asks", () => {
    for (const caller of [undefined, { id: "mn-1" }, { id: "mn-2" }, { id: "nobody" }]) {
      const stage = staged("mn-1", "mn-2");
      stage.nowMs = 2;
      stage.continue(u, "start", { owner: "mn-1", caller });
      expect(stage.live).toEqual(["mn-2 start 1"]);
      expect(stage.ended).toMatchObject([
        { vmUuid: u, managementNodeId: "mn-1", endedAt: stage.now(), cause: "continued" },
      ]);
    }
  });

  test.each([
    ["the caller's own, before orphans and others", ["mn-1", "mn-2", "mn-3"], "mn-1"],
    ["else the orphans of that name, before those of others", ["mn-2", "mn-3"], "mn-3"],
    ["else the single live owner's", ["mn-2"], "mn-2"],
  ] as const)("without an owner ends %s", (_, owners, ended) => {
    const stage = staged(...owners);
    stage.claim(node("mn-2", 2), statement(u, "other"));
    stage.claim(node("mn-2", 3), statement(v));
    stage.continue(u, "start", { caller: { id: "mn-1" } });
    expect(stage.ended.map(({ managementNodeId }) => managementNodeId)).toEqual([ended]);
    const others = owners.filter((id) => id !== ended).map((id) => `${id} start 1`);
    expect(stage.live).toEqual([...others, "mn-2 other 1", "mn-2 start 2"].toSorted());
  });

  test("by the operator ends what is there, each time that it is said", () => {
    const stage = staged();
    const caller = { id: "operator" };
    stage.continue(u, "start", { caller });
    stage.claim(node("mn-2", 5), statement(v));
    stage.continue(v, "start", { caller });
    expect(stage.live).toEqual([]);
    stage.claim(node("mn-1", 7), statement(v));
    stage.depart("mn-1");
    stage.continue(v, "start", { caller });
    expect(stage.live).toEqual([]);
  });

  test("by the operator of what is not there bars it for every node", () => {
    const stage = staged();
    stage.continue(u, "start", { caller: { id: "operator" } });
    expect(outcome(stage.tryClaim(node("mn-1", 1), statement(u)))).toBe("operation-continued");
  });

  test("without an owner or caller ends the orphans of that name, of all departed nodes", () => {
    const stage = staged("mn-1", "mn-2", "mn-3");
    stage.depart("mn-2");
    stage.continue(u);
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("without an owner or caller, where several live nodes have it, is refused and ends none", () => {
    const stage = staged("mn-1", "mn-2");
    const decision = stage.tryContinue(u, "start", {});
    expect(outcome(decision)).toBe("ambiguous-owner");
    expect(decision).toHaveProperty("detail", expect.stringContaining("mn-1, mn-2"));
  });

  test("of a caller that has none, where several others have it, succeeds and ends none", () => {
    const stage = staged("mn-1", "mn-2");
    stage.continue(u, "start", { caller: { id: "mn-9", epoch: 1, sequence: 1 } });
    expect(stage.live).toHaveLength(2);
    expect(fateOf(stage, node("mn-9", 5), u)).toBe("operation-continued");
  });

  test("is not refused for an older epoch, a lower sequence or another instance", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 9, 5), statement(u));
    stage.continue(u, "start", { caller: { id: "mn-1", epoch: 1, sequence: 1 } });
    expect(stage.live).toEqual([]);
  });

  test("of a node that departed ends its orphan, and the node stays departed", () => {
    const stage = staged("mn-3");
    stage.continue(u, "start", { owner: "mn-3", caller: { id: "mn-3", epoch: 1, sequence: 2 } });
    expect(stage.live).toEqual([]);
    expect(stage.known("mn-3").departed).toBeDefined();
  });

  test.each([
    ["VM", vm(9), "start", "mn-1"],
    ["operation", u, "unheard of", "mn-1"],
    ["owner", u, "start", "mn-9"],
    ["operation, without an owner", u, "unheard of", undefined],
  ] as const)(
    "of an unknown %s ends nothing and leaves a tombstone",
    (_, uuid, operation, owner) => {
      const stage = staged("mn-1");
      const { revision } = stage.skipList;
      const { changes, refused } = stage.continue(uuid, operation, { owner });
      expect(claimChanges(changes)).toEqual([]);
      expect(refused).toEqual([]);
      expect(stage.live).toEqual(["mn-1 start 1"]);
      expect(stage.skipList.revision).toBe(revision);
      expect(fateOf(stage, node(owner ?? "mn-7", 5), uuid, operation)).toBe("operation-continued");
    },
  );

  test("of an unknown operation without an owner and a caller bars it for every node", () => {
    const stage = staged();
    stage.continue(u, "start");
    for (const id of ["mn-1", "mn-2", "mn-8"]) {
      expect(fateOf(stage, node(id, 50), u)).toBe("operation-continued");
    }
    expect(fateOf(stage, node("mn-1", 50), v)).toBe("accepted");
  });

  test("bars the operation for its owner alone", () => {
    const stage = staged("mn-1");
    stage.continue(u, "start", { owner: "mn-1" });
    expect(fateOf(stage, node("mn-1", 99), u)).toBe("operation-continued");
    expect(fateOf(stage, node("mn-1", 1, 2), u), "in later epochs too").toBe("operation-continued");
    expect(fateOf(stage, node("mn-2", 1), u)).toBe("accepted");
  });

  test("that overtakes its claim leaves it dead on arrival, by claim and by list", () => {
    const stage = staged();
    stage.continue(u, "start", { caller: { id: "mn-1", epoch: 1, sequence: 3 } });
    expect(fateOf(stage, node("mn-1", 2), u)).toBe("operation-continued");
    const { refused } = stage.list(node("mn-1", 4), statement(u), statement(v));
    expect(refused).toMatchObject([{ vmUuid: u, refusal: { code: "operation-continued" } }]);
    expect(stage.live).toEqual(["mn-1 start 2"]);
  });

  test("repeated changes no claim", () => {
    const stage = staged("mn-1");
    stage.continue(u, "start", { owner: "mn-1" });
    expect(claimChanges(stage.continue(u, "start", { owner: "mn-1" }).changes)).toEqual([]);
  });
});

describe("a continue of a whole VM", () => {
  test("ends the caller's claims on it, and nobody else's", () => {
    const stage = staged("mn-1", "mn-2", "mn-3");
    stage.claim(node("mn-1", 2), statement(u, "migrate"));
    stage.claim(node("mn-1", 3), statement(v));
    stage.continueVm(u, { id: "mn-1" });
    expect(stage.live).toEqual(["mn-1 start 2", "mn-2 start 1", "mn-3 start 1"]);
    expect(stage.ended.every(({ cause }) => cause === "continued")).toBe(true);
  });

  test("with orphans ends the orphans of others too, never another live node's claim", () => {
    const stage = staged("mn-1", "mn-2", "mn-3");
    stage.operator(statement(u, "by hand"));
    stage.continueVm(u, { id: "mn-1" }, true);
    expect(stage.live).toEqual(["mn-2 start 1"]);
  });

  test("without a caller ends the orphans if it is told to, else nothing", () => {
    const stage = staged("mn-1", "mn-3");
    stage.continueVm(u);
    expect(stage.live).toEqual(["mn-1 start 1", "mn-3 start 1"]);
    stage.continueVm(u, undefined, true);
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("leaves a floor: older claims of the caller on that VM are refused, newer ones are not", () => {
    const stage = staged("mn-1");
    stage.contact(node("mn-1", 9));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    expect(fateOf(stage, node("mn-1", 5), u, "late")).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 6), u, "late")).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 7), u, "late")).toBe("accepted");
    expect(fateOf(stage, node("mn-1", 5), v, "late"), "on other VMs").toBe("accepted");
    expect(fateOf(stage, node("mn-2", 5), u, "late"), "of other nodes").toBe("accepted");
    expect(fateOf(stage, node("mn-1", 1, 2), u, "late"), "of the next epoch").toBe("accepted");
  });

  test("refuses by its floor the entries of an older list, one by one", () => {
    const stage = staged("mn-1");
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    const { refused } = stage.list(node("mn-1", 5), statement(u, "late"), statement(v));
    expect(refused).toMatchObject([{ vmUuid: u, refusal: { code: "stale-claim" } }]);
    expect(stage.live).toEqual(["mn-1 start 2"]);
  });

  test("bars the operations that it ended, whatever their sequence", () => {
    const stage = staged("mn-1", "mn-3");
    stage.continueVm(u, { id: "mn-1" }, true);
    expect(fateOf(stage, node("mn-1", 99), u)).toBe("operation-continued");
    expect(fateOf(stage, node("mn-3", 99), u)).toBe("operation-continued");
  });

  test("without a place means everything of the caller that was seen up to now", () => {
    const stage = staged("mn-1");
    stage.contact(node("mn-1", 9));
    stage.continueVm(u, { id: "mn-1" });
    expect(fateOf(stage, node("mn-1", 9), u, "late")).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 10), u, "late")).toBe("accepted");
  });

  test("that was overtaken by a newer claim of its caller leaves that claim alone", () => {
    const stage = staged();
    stage.claim(node("mn-1", 3), statement(u, "before"));
    stage.claim(node("mn-1", 8), statement(u, "after"));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    expect(stage.live).toEqual(["mn-1 after 1"]);
    stage.claim(node("mn-1", 1, 2), statement(u, "next epoch"));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 99 });
    expect(stage.live).toEqual(["mn-1 next epoch 1"]);
  });

  test("never lowers the floor that a later one left", () => {
    const stage = staged("mn-1");
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 9 });
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 4 });
    expect(fateOf(stage, node("mn-1", 7), u, "late")).toBe("stale-claim");
  });

  test("of an unknown VM and caller succeeds and leaves the floor", () => {
    const stage = new Stage();
    const { changes } = stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 9 });
    expect(claimChanges(changes)).toEqual([]);
    expect(fateOf(stage, node("mn-1", 7), u)).toBe("stale-claim");
  });
});

describe("a continue whose outcome is unknown", () => {
  test("makes the claim an orphan now instead of ending it", () => {
    const stage = staged("mn-1");
    stage.nowMs = 5000;
    stage.giveUp("mn-1", u);
    const orphan = { cause: "outcome-unknown", since: stage.now(), ttlSeconds: 600 };
    expect(stage.only(u).orphan).toMatchObject(orphan);
    expect(stage.leftSeconds(u)).toBe(600);
    expect(stage.skipList.tombstoneCount, "it has not ended").toBe(0);
  });

  test("is not taken back by its node, not ended by its lists and not renewed by its departure", () => {
    const stage = staged("mn-1");
    stage.giveUp("mn-1", u);
    stage.listen(100);
    stage.list(node("mn-1", 5), statement(v));
    stage.depart("mn-1");
    stage.listen(100);
    stage.contact(node("mn-1", 6));
    expect(stage.only(u).orphan?.cause).toBe("outcome-unknown");
    expect(stage.leftSeconds(u)).toBe(400);
    stage.listen(170);
    stage.contact(node("mn-1", 7));
    stage.listen(170);
    stage.contact(node("mn-1", 8));
    stage.listen(60);
    expect(stage.live).toEqual(["mn-1 start 2"]);
  });

  test("bars statements of its epoch, by claim and by list; a newer epoch may name it again", () => {
    const stage = staged("mn-1");
    stage.giveUp("mn-1", u);
    expect(fateOf(stage, node("mn-1", 99), u)).toBe("operation-continued");
    const { refused } = stage.list(node("mn-1", 100), statement(u));
    expect(refused).toMatchObject([{ refusal: { code: "operation-continued" } }]);
    stage.claim(node("mn-1", 1, 2), statement(u));
    expect(stage.orphans).toEqual([]);
  });

  test("of an orphan lets its TTL go on", () => {
    const stage = staged("mn-3");
    stage.listen(100);
    stage.giveUp("mn-3", u);
    expect(stage.leftSeconds(u)).toBe(500);
    stage.contact(node("mn-3", 2));
    expect(stage.orphans, "it is given up").toEqual(["mn-3 start 1"]);
  });

  test("repeated changes nothing", () => {
    const stage = staged("mn-1");
    stage.giveUp("mn-1", u);
    stage.listen(10);
    const { changes } = stage.giveUp("mn-1", u);
    expect(changes).toEqual([]);
    expect(stage.leftSeconds(u)).toBe(590);
  });

  test("of nothing leaves a tombstone: the claim that it overtook does not live", () => {
    const stage = staged();
    stage.giveUp("mn-1", u);
    expect(fateOf(stage, node("mn-1", 5), u)).toBe("operation-continued");
  });

  test("is over for what its owner said before, however late that arrives", () => {
    const stage = staged("mn-1");
    const caller = { id: "mn-1", epoch: 1, sequence: 5 };
    stage.continue(u, "start", { owner: "mn-1", caller, outcome: "unknown" });
    for (let minute = 0; minute < 10; minute += 1) {
      stage.contact(node("mn-1", 2));
      stage.listen(60);
    }
    expect(stage.live).toEqual([]);
    expect(fateOf(stage, node("mn-1", 4), u), "said before it was given up").toBe(
      "operation-expired",
    );
    expect(fateOf(stage, node("mn-1", 6), u)).toBe("accepted");
  });

  test("ends when it is continued after all", () => {
    const stage = staged("mn-1");
    stage.giveUp("mn-1", u);
    stage.continue(u, "start", { caller: { id: "mn-1" } });
    expect(stage.live).toEqual([]);
    expect(fateOf(stage, node("mn-1", 1, 2), u)).toBe("operation-continued");
  });
});
