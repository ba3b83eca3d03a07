import { describe, expect, test } from "vitest";
import { type Decision, decideContact } from "../../src/core/decide.ts";
import type { ManagementNode } from "../../src/core/management-node.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import { at, vm } from "./sightings.ts";
import { operatorId, Stage } from "./stage.ts";
import { node, outcome, statement } from "./statements.ts";

const u = vm(1);

/** Every way in which a management node can speak of itself. */
const ways: readonly (readonly [
  string,
  (stage: Stage, from: ManagementNode) => Decision | Refusal,
])[] = [
  ["claim", (stage, from) => stage.tryClaim(from, statement(u, "late"))],
  ["list", (stage, from) => stage.tryList(from, statement(u, "late"))],
  ["empty list", (stage, from) => stage.tryList(from)],
  ["sign of life", (stage, from) => decideContact(stage.skipList, from, stage.now())],
];

describe.each(ways)("a %s", (_, speak) => {
  test("of an older epoch is refused with the current one, whatever its sequence", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1, 3), statement(u));
    const decision = speak(stage, node("mn-1", 99, 2));
    expect(decision).toMatchObject({ code: "stale-epoch", currentEpoch: 3 });
    expect(decision).toHaveProperty("detail", expect.stringContaining("epoch 4"));
  });

  test("of an older epoch is refused after the departure of the newer one too", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1, 3), statement(u));
    stage.depart("mn-1", 3);
    expect(outcome(speak(stage, node("mn-1", 99, 2)))).toBe("stale-epoch");
  });

  test("of the same epoch from another process is refused, with the epoch", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 1), statement(u));
    const decision = speak(stage, { ...node("mn-1", 99), instance: "another process" });
    expect(decision).toMatchObject({ code: "instance-conflict", currentEpoch: 1 });
  });

  test("of a newer epoch is heard, from any process, and from then on the older one is not", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 7), statement(u));
    stage.apply(speak(stage, node("mn-1", 1, 2)));
    expect(stage.known("mn-1")).toMatchObject({ epoch: 2, sequence: 1 });
    expect(stage.known("mn-1").instance).toBe("mn-1 of epoch 2");
    expect(outcome(speak(stage, node("mn-1", 99, 1)))).toBe("stale-epoch");
  });

  test("under the operator's id is refused", () => {
    expect(outcome(speak(new Stage(), node(operatorId, 1)))).toBe("reserved-id");
  });
});

test("a refused statement leaves lease, epoch and everything else as they were", () => {
  const stage = new Stage();
  stage.list(node("mn-1", 5, 3), statement(u));
  stage.listen(100);
  const before = structuredClone(stage.known("mn-1"));
  for (const from of [node("mn-1", 9, 2), { ...node("mn-1", 9, 3), instance: "another" }]) {
    expect(outcome(stage.tryClaim(from, statement(u)))).not.toBe("accepted");
  }
  expect(outcome(stage.tryList(node("mn-1", 4, 3)))).toBe("stale-list");
  expect(stage.known("mn-1")).toEqual(before);
  stage.listen(79.5);
  expect(stage.orphans).toEqual([]);
  stage.listen(0.5);
  expect(stage.orphans, "180 s after the last accepted one").toEqual(["mn-1 start 1"]);
});

test("a late list of an older epoch ends no claim", () => {
  const stage = new Stage();
  stage.claim(node("mn-1", 3, 1), statement(u));
  stage.list(node("mn-1", 1, 2));
  expect(outcome(stage.tryList(node("mn-1", 5, 1)))).toBe("stale-epoch");
  expect(stage.live).toEqual(["mn-1 start 1"]);
});

test("a node that only shows signs of life is known, and claims nothing", () => {
  const stage = new Stage({ nowMs: 7 });
  stage.contact(node("mn-1", 4));
  expect(stage.known("mn-1")).toMatchObject({ sequence: 4, lastSeenAt: at(7) });
  expect(stage.live).toEqual([]);
  expect(stage.skipList.revision).toBe(0);
});

test("the lease and the TTL of a node are those of its latest statement, an overtaken one aside", () => {
  const stage = new Stage();
  stage.contact({ ...node("mn-1", 5), leaseSeconds: 20, orphanTtlSeconds: 30 });
  stage.contact({ ...node("mn-1", 4), leaseSeconds: 300, orphanTtlSeconds: 300 });
  expect(stage.known("mn-1")).toMatchObject({ leaseSeconds: 20, orphanTtlSeconds: 30 });
  stage.contact(node("mn-1", 6));
  expect(stage.known("mn-1"), "what it does not say stays").toMatchObject({
    leaseSeconds: 20,
    orphanTtlSeconds: 30,
  });
  stage.contact({ ...node("mn-1", 7), leaseSeconds: 60 });
  expect(stage.known("mn-1")).toMatchObject({ leaseSeconds: 60, leaseExpiresAtMs: 60_000 });
  stage.contact(node("mn-1", 1, 2));
  expect(stage.known("mn-1").leaseSeconds, "a new process says it anew").toBeUndefined();
  expect(stage.known("mn-1").orphanTtlSeconds).toBeUndefined();
});
