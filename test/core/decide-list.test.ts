import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyVm, at, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { claimChanges, node, outcome, statement } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a list", () => {
  test("claims what it names and ends what it leaves out, and says why", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(u, "stop"));
    stage.list(node("mn-1", 2), statement(u), statement(v));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    const cause = "left-out-of-list";
    expect(stage.ended).toMatchObject([{ operationId: "stop", endedAt: stage.now(), cause }]);
  });

  test("that is empty ends all claims that its node made before it", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(v));
    stage.list(node("mn-1", 2));
    expect(stage.live).toEqual([]);
  });

  test("never touches another node's claims, not even of the same VM and operation", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u), statement(v));
    stage.list(node("mn-2", 5), statement(u));
    stage.list(node("mn-2", 6));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
  });

  test.each([
    ["of a lower sequence, which it leaves out, is over", 4, 1, []],
    ["of its own sequence stays", 5, 1, ["mn-1 start 1"]],
    ["of a higher sequence, which overtook it, stays", 6, 1, ["mn-1 start 1"]],
    ["of an older epoch stays", 1, 0, ["mn-1 start 1"]],
  ] as const)("written at sequence 5 of epoch 1: a claim %s", (_, sequence, epoch, live) => {
    const stage = new Stage();
    stage.claim(node("mn-1", sequence, epoch), statement(u));
    stage.list(node("mn-1", 5, 1));
    expect(stage.live).toEqual(live);
  });

  test("that says nothing new changes no claim and no revision", () => {
    const stage = new Stage();
    const said = { ...statement(u), orphanTtlSeconds: 30 };
    stage.list(node("mn-1", 1), said);
    const { revision } = stage.skipList;
    stage.list(node("mn-1", 2), { ...said });
    expect(stage.skipList.revision).toBe(revision);
  });

  test.each([
    ["reason", { reason: "another" }],
    ["TTL", { orphanTtlSeconds: 60 }],
    ["TTL, taken away", { orphanTtlSeconds: undefined }],
  ])("brings a new %s to a claim that lives", (_, news) => {
    const stage = new Stage();
    const said = { ...statement(u), orphanTtlSeconds: 30 };
    stage.list(node("mn-1", 1), said);
    stage.nowMs = 5;
    stage.list(node("mn-1", 2), { ...said, ...news });
    expect(stage.skipList.claimsOn(u)).toMatchObject([{ ...said, ...news, madeAt: at(0) }]);
  });

  test("of a newer epoch takes over the claims that it names and leaves the others", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 50, 1), statement(u), statement(v));
    stage.list(node("mn-1", 1, 2), statement(u));
    const epochs = [u, v].map((uuid) => stage.skipList.claimsOn(uuid)[0]?.epoch);
    expect(epochs).toEqual([2, 1]);
  });
});

describe("a list that is not newer than the last one", () => {
  test("is refused as stale, whatever it says, and changes nothing", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(u));
    for (const list of [[], [statement(u)], [statement(v)]]) {
      const decision = stage.tryList(node("mn-1", 4), ...list);
      expect(outcome(decision)).toBe("stale-list");
    }
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("stays refused after a claim of a higher sequence was heard", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(u));
    stage.claim(node("mn-1", 9), statement(v));
    expect(outcome(stage.tryList(node("mn-1", 4)))).toBe("stale-list");
    expect(outcome(stage.tryList(node("mn-1", 8)))).toBe("accepted");
  });

  test("and is the same is answered, but a claim continued since is not made again", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(u), statement(v));
    stage.continue(u);
    const { revision } = stage.skipList;
    stage.nowMs += 1;
    const { changes, refused } = stage.list(node("mn-1", 5), statement(u), statement(v));
    expect(refused).toEqual([]);
    expect(claimChanges(changes)).toEqual([]);
    expect(stage.live).toEqual(["mn-1 start 2"]);
    expect(stage.skipList.revision).toBe(revision);
    expect(stage.known("mn-1").lastSeenAt, "who repeats itself was heard").toEqual(stage.now());
  });

  test("and of the same sequence, but says something else, is refused: it is not applied", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(u));
    for (const list of [
      [],
      [statement(u), statement(v)],
      [statement(u, "stop")],
      [statement(v)],
      [statement(u, "start", "another reason")],
      [{ ...statement(u), orphanTtlSeconds: 1 }],
    ]) {
      const decision = stage.tryList(node("mn-1", 5), ...list);
      expect(outcome(decision)).toBe("stale-list");
    }
  });

  test("of the node's last epoch does not bind the next epoch, whose sequence begins anew", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 50, 1), statement(u));
    stage.list(node("mn-1", 1, 2), statement(v));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    const stale = stage.tryList(node("mn-1", 0, 2));
    expect(outcome(stale)).toBe("stale-list");
  });

  test("of another node is not compared with", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 50), statement(u));
    stage.list(node("mn-2", 1), statement(v));
    expect(stage.live).toEqual(["mn-1 start 1", "mn-2 start 2"]);
  });
});

test("however one node's lists are delayed and repeated, the highest sequence decides", () => {
  const lists = fc.array(fc.uniqueArray(anyVm, { maxLength: 4 }), { minLength: 1, maxLength: 6 });
  const order = fc.array(fc.nat(), { maxLength: 15 });
  const property = fc.property(lists, order, (written, arrivals) => {
    const stage = new Stage();
    stage.list(node("mn-2", 1), statement(vm(1)));
    let highest = -1;
    for (const arrival of arrivals) {
      const sequence = arrival % written.length;
      const list = (written[sequence] ?? []).map((uuid) => statement(uuid));
      const decision = stage.tryList(node("mn-1", sequence), ...list);
      expect(outcome(decision)).toBe(sequence < highest ? "stale-list" : "accepted");
      if (!("code" in decision)) stage.apply(decision);
      highest = Math.max(highest, sequence);
    }
    const claims = stage.skipList.claimsOf("mn-1").map(({ vmUuid }) => vmUuid);
    expect(claims.toSorted()).toEqual((written[highest] ?? []).toSorted());
    expect(stage.skipList.claimsOf("mn-2")).toHaveLength(1);
  });
  fc.assert(property);
});
