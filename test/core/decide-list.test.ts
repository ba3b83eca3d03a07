import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decideList } from "../../src/core/decide.ts";
import { anyVm, at, vm } from "./sightings.ts";
import { node, outcome, statement, Talk } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a list", () => {
  test("claims what it names and ends what it leaves out, and says why", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 1), statement(u), statement(u, "stop"));
    talk.list(node("mn-1", 2), statement(u), statement(v));
    expect(talk.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    const ended = talk.skipList.endedSince(0);
    expect(ended).toMatchObject([{ operationId: "stop", cause: "left-out-of-list" }]);
  });

  test("that is empty ends all claims that its node made before it", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 1), statement(u), statement(v));
    talk.list(node("mn-1", 2));
    expect(talk.live).toEqual([]);
  });

  test("never touches another node's claims, not even of the same VM and operation", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 1), statement(u), statement(v));
    talk.list(node("mn-2", 5), statement(u));
    talk.list(node("mn-2", 6));
    expect(talk.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
  });

  test.each([
    ["of a lower sequence, which it leaves out, is over", 4, 1, []],
    ["of its own sequence stays", 5, 1, ["mn-1 start 1"]],
    ["of a higher sequence, which overtook it, stays", 6, 1, ["mn-1 start 1"]],
    ["of an older epoch stays", 1, 0, ["mn-1 start 1"]],
  ] as const)("written at sequence 5 of epoch 1: a claim %s", (_, sequence, epoch, live) => {
    const talk = new Talk();
    talk.claim(node("mn-1", sequence, epoch), statement(u));
    talk.list(node("mn-1", 5, 1));
    expect(talk.live).toEqual(live);
  });

  test("that says nothing new changes no claim and no revision", () => {
    const talk = new Talk();
    const said = { ...statement(u), orphanTtlSeconds: 30 };
    talk.list(node("mn-1", 1), said);
    const { revision } = talk.skipList;
    talk.list(node("mn-1", 2), { ...said });
    expect(talk.skipList.revision).toBe(revision);
  });

  test.each([
    ["reason", { reason: "another" }],
    ["TTL", { orphanTtlSeconds: 60 }],
    ["TTL, taken away", { orphanTtlSeconds: undefined }],
  ])("brings a new %s to a claim that lives", (_, news) => {
    const talk = new Talk();
    const said = { ...statement(u), orphanTtlSeconds: 30 };
    talk.list(node("mn-1", 1), said);
    talk.list(node("mn-1", 2), { ...said, ...news });
    expect(talk.skipList.claimsOn(u)).toMatchObject([{ ...said, ...news, madeAt: at(1) }]);
  });

  test("of a newer epoch takes over the claims that it names and leaves the others", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 50, 1), statement(u), statement(v));
    talk.list(node("mn-1", 1, 2), statement(u));
    const epochs = [u, v].map((uuid) => talk.skipList.claimsOn(uuid)[0]?.epoch);
    expect(epochs).toEqual([2, 1]);
  });
});

describe("a list that is not newer than the last one", () => {
  test("is refused as stale, whatever it says, and changes nothing", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5), statement(u));
    for (const list of [[], [statement(u)], [statement(v)]]) {
      const decision = decideList(talk.skipList, node("mn-1", 4), list, at(9));
      expect(outcome(decision)).toBe("stale-list");
    }
    expect(talk.live).toEqual(["mn-1 start 1"]);
  });

  test("stays refused after a claim of a higher sequence was heard", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5), statement(u));
    talk.claim(node("mn-1", 9), statement(v));
    expect(outcome(decideList(talk.skipList, node("mn-1", 4), [], at(9)))).toBe("stale-list");
    expect(outcome(decideList(talk.skipList, node("mn-1", 8), [], at(9)))).toBe("accepted");
  });

  test("and is the same is answered, but a claim continued since is not made again", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5), statement(u), statement(v));
    talk.continue(u);
    const { revision } = talk.skipList;
    const { refused } = talk.list(node("mn-1", 5), statement(u), statement(v));
    expect(refused).toEqual([]);
    expect(talk.live).toEqual(["mn-1 start 2"]);
    expect(talk.skipList.revision).toBe(revision);
    const [known] = talk.skipList.managementNodes();
    expect(known?.lastSeenAt.ms, "who repeats itself was heard").toBe(talk.nowMs);
  });

  test("and of the same sequence, but says something else, is refused: it is not applied", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 5), statement(u));
    for (const list of [
      [],
      [statement(u), statement(v)],
      [statement(u, "stop")],
      [statement(v)],
      [statement(u, "start", "another reason")],
      [{ ...statement(u), orphanTtlSeconds: 1 }],
    ]) {
      const decision = decideList(talk.skipList, node("mn-1", 5), list, at(9));
      expect(outcome(decision)).toBe("stale-list");
    }
  });

  test("of the node's last epoch does not bind the next epoch, whose sequence begins anew", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 50, 1), statement(u));
    talk.list(node("mn-1", 1, 2), statement(v));
    expect(talk.live).toEqual(["mn-1 start 1", "mn-1 start 2"]);
    const stale = decideList(talk.skipList, node("mn-1", 0, 2), [], at(9));
    expect(outcome(stale)).toBe("stale-list");
  });

  test("of another node is not compared with", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 50), statement(u));
    talk.list(node("mn-2", 1), statement(v));
    expect(talk.live).toEqual(["mn-1 start 1", "mn-2 start 2"]);
  });
});

test("however one node's lists are delayed and repeated, the highest sequence decides", () => {
  const lists = fc.array(fc.uniqueArray(anyVm, { maxLength: 4 }), { minLength: 1, maxLength: 6 });
  const order = fc.array(fc.nat(), { maxLength: 15 });
  const property = fc.property(lists, order, (written, arrivals) => {
    const talk = new Talk();
    talk.list(node("mn-2", 1), statement(vm(1)));
    let highest = -1;
    for (const arrival of arrivals) {
      const sequence = arrival % written.length;
      const list = (written[sequence] ?? []).map((uuid) => statement(uuid));
      const decision = decideList(talk.skipList, node("mn-1", sequence), list, talk.now());
      expect(outcome(decision)).toBe(sequence < highest ? "stale-list" : "accepted");
      if (!("code" in decision)) talk.skipList.apply(decision.changes);
      highest = Math.max(highest, sequence);
    }
    const claims = talk.skipList.claimsOf("mn-1").map(({ vmUuid }) => vmUuid);
    expect(claims.toSorted()).toEqual((written[highest] ?? []).toSorted());
    expect(talk.skipList.claimsOf("mn-2")).toHaveLength(1);
  });
  fc.assert(property);
});
