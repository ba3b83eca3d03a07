import { describe, expect, test } from "vitest";
import { decideClaim, decideContact, decideList } from "../../src/core/decide.ts";
import type { ManagementNode } from "../../src/core/skip-list.ts";
import { at, vm } from "./sightings.ts";
import { node, outcome, statement, Talk } from "./statements.ts";

const u = vm(1);

/** Every way in which a management node can speak of itself. */
const ways: readonly (readonly [
  string,
  (talk: Talk, from: ManagementNode) => ReturnType<typeof decideList>,
])[] = [
  ["claim", (talk, from) => decideClaim(talk.skipList, from, statement(u, "late"), at(9))],
  ["list", (talk, from) => decideList(talk.skipList, from, [statement(u, "late")], at(9))],
  ["empty list", (talk, from) => decideList(talk.skipList, from, [], at(9))],
  ["sign of life", (talk, from) => decideContact(talk.skipList, from, at(9))],
];

describe.each(ways)("a %s", (_, speak) => {
  test("of an older epoch is refused with the current one, whatever its sequence", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 1, 3), statement(u));
    const decision = speak(talk, node("mn-1", 99, 2));
    expect(decision).toMatchObject({ code: "stale-epoch", currentEpoch: 3 });
  });

  test("of the same epoch from another process is refused", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 1), statement(u));
    const decision = speak(talk, { ...node("mn-1", 99), instance: "another process" });
    expect(decision).toMatchObject({ code: "instance-conflict", currentEpoch: 1 });
  });

  test("of a newer epoch is heard, and from then on the older one is not", () => {
    const talk = new Talk();
    talk.list(node("mn-1", 7), statement(u));
    talk.apply(speak(talk, node("mn-1", 1, 2)));
    expect(talk.skipList.managementNode("mn-1")).toMatchObject({ epoch: 2, sequence: 1 });
    expect(outcome(speak(talk, node("mn-1", 99, 1)))).toBe("stale-epoch");
  });
});

test("a late list of an older epoch ends no claim", () => {
  const talk = new Talk();
  talk.claim(node("mn-1", 3, 1), statement(u));
  talk.list(node("mn-1", 1, 2));
  expect(outcome(decideList(talk.skipList, node("mn-1", 5, 1), [], at(9)))).toBe("stale-epoch");
  expect(talk.live).toEqual(["mn-1 start 1"]);
});

test("a node that only shows signs of life is known, and claims nothing", () => {
  const talk = new Talk();
  talk.apply(decideContact(talk.skipList, node("mn-1", 4), at(7)));
  expect(talk.skipList.managementNode("mn-1")).toMatchObject({ sequence: 4, lastSeenAt: at(7) });
  expect(talk.live).toEqual([]);
  expect(talk.skipList.revision).toBe(0);
});
