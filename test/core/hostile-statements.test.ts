// What a management node that repeats itself, is late or invents things must not be able to do.

import { describe, expect, test } from "vitest";
import { hasHeardOfLaterRun } from "../../src/core/decide-amnesia.ts";
import { vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";

const u = vm(1);

describe("a continue without an owner that is said twice", () => {
  const caller = { id: "mn-2" };

  test("ends the caller's own claim, and not then that of another", () => {
    const stage = new Stage();
    stage.claim(node("mn-2", 1), statement(u));
    stage.claim(node("mn-1", 1), statement(u));
    stage.continue(u, "start", { caller });
    stage.continue(u, "start", { caller });
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("ends no orphan either", () => {
    const stage = new Stage();
    stage.claim(node("mn-2", 1), statement(u));
    stage.claim(node("mn-1", 1), statement(u));
    stage.continue(u, "start", { caller });
    stage.depart("mn-1");
    stage.continue(u, "start", { caller });
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("gives up nothing of another after the caller's own TTL", () => {
    const stage = new Stage();
    stage.claim(node("mn-2", 1), statement(u));
    stage.claim(node("mn-1", 1), statement(u));
    stage.continue(u, "start", { caller, outcome: "unknown" });
    stage.sleep(601);
    stage.continue(u, "start", { caller, outcome: "unknown" });
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect([...stage.skipList.orphans()]).toEqual([]);
  });
});

test("a late outcome=unknown of an earlier process leaves the claim that its successor has taken over", () => {
  const stage = new Stage();
  stage.claim({ ...node("mn-1", 1), epoch: 1 }, statement(u));
  stage.list({ ...node("mn-1", 1), epoch: 2, instance: "b" }, statement(u));
  stage.continue(u, "start", {
    owner: "mn-1",
    caller: { id: "mn-1", epoch: 1, sequence: 2 },
    outcome: "unknown",
  });
  expect([...stage.skipList.orphans()]).toEqual([]);
  const again = stage.list({ ...node("mn-1", 2), epoch: 2, instance: "b" }, statement(u));
  expect(again.refused).toEqual([]);
});

test.each([
  ["of a later run of this store has", "store-1", 5, true],
  ["of this run has not", "store-1", 4, false],
  ["of another store has not", "store-2", 5, false],
  ["of none has not", undefined, undefined, false],
])("a management node that has heard %s heard of a later run", (_, storeId, agentEpoch, is) => {
  const from = { ...node("mn-1", 1), storeId, agentEpoch };
  expect(hasHeardOfLaterRun(from, { storeId: "store-1", agentEpoch: 4 })).toBe(is);
});
