// An acknowledged claim is durable (G2): nothing is answered before its commit.

import { beforeEach, describe, expect, test } from "vitest";
import { commitLimitMs } from "../../src/agent/journal.ts";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { accepted, isSettled, settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

const answers: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["a claim", () => stage.agent.claim(node("mn-1", 9), statement(v))],
  ["a claim that says nothing new", () => stage.agent.claim(node("mn-1", 1), statement(u))],
  ["a claim of the operator", () => stage.agent.claimAsOperator(statement(v))],
  ["a list", () => stage.agent.sync(node("mn-1", 9), [statement(v)])],
  ["a list that says nothing new", () => stage.agent.sync(node("mn-1", 9), [statement(u)])],
  ["a continue", () => stage.agent.continueOperation(key, { owner: "mn-1" })],
  ["a continue of nothing", () => stage.agent.continueOperation({ ...key, vmUuid: v }, {})],
  [
    "a continue of a VM",
    () => stage.agent.continueVm(u, { caller: { id: "mn-1" }, orphans: true }),
  ],
  [
    "a continue of unknown outcome",
    () => stage.agent.continueOperation(key, { outcome: "unknown" }),
  ],
  ["a departure", () => stage.agent.depart("mn-1", 1, "mn-2")],
  ["a node's first word", () => stage.agent.heartbeat(node("mn-2", 1))],
  ["a newer epoch", () => stage.agent.heartbeat(node("mn-1", 1, 2))],
  ["the end of amnesia", () => stage.agent.endAmnesia("operator")],
];

describe.each(answers)("%s", (_, say) => {
  beforeEach(async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
  });

  test("is answered after its commit, not before", async () => {
    stage.store.hold();
    const answer = say();
    expect(await isSettled(answer)).toBe(false);
    stage.nowMs += 1900;
    stage.agent.tick();
    expect(await isSettled(answer)).toBe(false);
    stage.store.release();
    expect(await isSettled(answer)).toBe(true);
    expect(stage.store.writes).toBeGreaterThan(0);
  });

  test("is answered within its limit when the disk hangs, and the agent goes on", async () => {
    stage.store.hold();
    const answer = say();
    await settle();
    stage.nowMs += commitLimitMs;
    stage.agent.tick();
    expect(await isSettled(answer)).toBe(true);
    expect(JSON.stringify(await answer)).toMatch(/"durable":false|not-stored|"claimsStored":false/);
    expect(stage.agent.status().store).toMatchObject({ writable: false, code: "slow" });
    stage.store.release();
    await settle();
    expect(stage.agent.status().store).toEqual({ writable: true });
  });
});

test("the limit for the disk is two seconds", () => {
  expect(commitLimitMs).toBe(2000);
});

describe("what is acknowledged survives a kill and a restart:", () => {
  beforeEach(async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
  });

  test("claims and lists", async () => {
    await stage.agent.claim(node("mn-2", 1), statement(u));
    const again = await stage.restarted();
    expect(again.live).toEqual(["mn-1 start 1", "mn-1 start 2", "mn-2 start 1"]);
  });

  test("continues: the claim does not come back, neither by itself nor late", async () => {
    await stage.agent.continueOperation(key, { owner: "mn-1" });
    const again = await stage.restarted();
    expect(again.live).toEqual(["mn-1 start 2"]);
    const late = await again.agent.claim(node("mn-1", 0), statement(u));
    expect(late).toMatchObject({ code: "operation-continued" });
  });

  test("continues of a VM: its floor", async () => {
    const caller = { id: "mn-1", epoch: 1, sequence: 5 };
    await stage.agent.continueVm(u, { caller, orphans: false });
    const again = await stage.restarted();
    const late = await again.agent.claim(node("mn-1", 5), statement(u, "late"));
    expect(late).toMatchObject({ code: "stale-claim" });
  });

  test("departures: the TTL goes on, and returns: they are active again", async () => {
    await stage.agent.depart("mn-1", 1, "mn-2");
    stage.nowMs += 100_000;
    const departed = await stage.restarted();
    const { remainingMs } = orphanOn(departed, u);
    expect(remainingMs).toBe(500_000);
    await departed.agent.heartbeat(node("mn-1", 2));
    const returned = await departed.restarted();
    expect(returned.agent.status()).toMatchObject({ activeClaims: 2, orphanedClaims: 0 });
  });

  test("the last list, by which later ones are measured", async () => {
    await stage.agent.sync(node("mn-1", 7), [statement(v)]);
    const again = await stage.restarted();
    expect(await again.agent.sync(node("mn-1", 6), [])).toMatchObject({ code: "stale-list" });
    const replay = await again.agent.sync(node("mn-1", 7), [statement(v)]);
    expect(replay).toEqual({ refused: [], claimsStored: true });
    expect(await again.agent.claim(node("mn-1", 6), statement(u))).toMatchObject({
      code: "stale-claim",
    });
  });

  function orphanOn(of: StagedAgent, vmUuid: string): { remainingMs: number } {
    const claim = of.agent.claims().claims.find((one) => one.vmUuid === vmUuid);
    if (claim?.orphan === undefined) throw new Error("no orphan");
    return { remainingMs: claim.orphan.expiresAtMs - of.nowMs };
  }
});

describe("grouped writes", () => {
  test("hold all statements of one turn: one write for many", async () => {
    const before = stage.store.writes;
    const claims = Array.from({ length: 64 }, (_, index) => {
      return stage.agent.claim(node("mn-1", index + 1), statement(vm(index)));
    });
    await Promise.all(claims);
    expect(stage.store.writes - before).toBe(1);
    expect(stage.stored).toHaveLength(64);
  });

  test("are one at a time; what is said meanwhile shares the next one", async () => {
    stage.store.hold();
    const first = stage.agent.claim(node("mn-1", 1), statement(u));
    await settle();
    const { writes } = stage.store;
    const others = [2, 3, 4].map((number) => {
      return stage.agent.claim(node("mn-1", number), statement(vm(number)));
    });
    expect(await isSettled(Promise.race(others))).toBe(false);
    expect([stage.store.writes - writes, stage.store.waiting]).toEqual([0, 1]);
    stage.store.release();
    await Promise.all([first, ...others]);
    expect(stage.store.writes - writes).toBe(1);
    expect(stage.store.batches.at(-1)?.claims.put).toHaveLength(3);
  });

  test("carry only the rows that changed", async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
    await stage.agent.claim(node("mn-1", 2), statement(vm(3)));
    const batch = stage.store.batches.at(-1);
    expect(batch?.claims.put.map(({ vmUuid }) => vmUuid)).toEqual([vm(3)]);
    await stage.agent.continueOperation(key, { owner: "mn-1" });
    const next = stage.store.batches.at(-1);
    expect(next?.claims.put).toEqual([]);
    expect(next?.claims.remove).toMatchObject([{ ...key, managementNodeId: "mn-1" }]);
    expect(next?.tombstones.put).toHaveLength(1);
  });

  test("of a sign of life are not waited for, and are made", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    const { writes } = stage.store;
    stage.store.hold();
    stage.nowMs += 1000;
    expect(await stage.agent.heartbeat(node("mn-1", 2))).toMatchObject({ durable: true });
    expect(await stage.agent.sync(node("mn-1", 3), undefined)).toEqual({
      refused: undefined,
      claimsStored: true,
    });
    stage.store.release();
    await settle();
    expect(stage.store.writes).toBeGreaterThan(writes);
    expect(stage.store.past.state?.nodes).toMatchObject([{ sequence: 3 }]);
  });
});

describe("a claim counts from its receipt", () => {
  test("while it is written the VM is skipped already, and its revision is out", async () => {
    stage.store.hold();
    const answer = stage.agent.claim(node("mn-1", 1), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(stage.agent.claims().skipRevision).toBe(1);
    expect(await stage.isReportedStopped(u)).toBe(false);
    stage.store.release();
    await answer;
  });
});

describe("while the end of a claim is written", () => {
  test("it may be made anew after a list left it out, and stays", async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u)]);
    stage.store.hold();
    const list = stage.agent.sync(node("mn-1", 2), []);
    await settle();
    const claim = stage.agent.claim(node("mn-1", 3), statement(u));
    await settle();
    stage.store.release();
    await accepted(list);
    await accepted(claim);
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(stage.stored).toEqual(["mn-1 start 1"]);
    const again = await stage.restarted();
    expect(again.live).toEqual(["mn-1 start 1"]);
  });

  test("a kill leaves it alive: it was not answered", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    stage.store.hold();
    void stage.agent.continueOperation(key, { owner: "mn-1" });
    await settle();
    const again = await stage.restarted();
    expect(again.live).toEqual(["mn-1 start 1"]);
  });
});
