// What the disk refuses is said, and what follows is on the side of skipping: a claim is refused, a
// list counts in memory, a continue takes effect.

import { beforeEach, describe, expect, test } from "vitest";
import type { StoreFailureCode } from "../../src/agent/ports.ts";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

const failures: readonly StoreFailureCode[] = ["full", "read-only", "failed"];

describe.each(failures)("with a disk that is %s", (code) => {
  beforeEach(async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u)]);
    stage.store.failWith(code);
  });

  test("a claim is refused as not stored, and does not live", async () => {
    const answer = await stage.agent.claim(node("mn-1", 2), statement(v));
    expect(answer).toMatchObject({ code: "not-stored" });
    expect(answer).toHaveProperty("detail", expect.stringContaining("do not act on it"));
    expect(stage.live).toEqual(["mn-1 start 1"]);
    expect(await stage.isReportedStopped(v), "nothing hides it any more").toBe(true);
  });

  test("a claim of the operator is too", async () => {
    expect(await stage.agent.claimAsOperator(statement(v))).toMatchObject({ code: "not-stored" });
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("a claim that was durable and is said anew keeps living as it was", async () => {
    const answer = await stage.agent.claim(node("mn-1", 2), statement(u, "start", "anew"));
    expect(answer).toMatchObject({ code: "not-stored" });
    const [claim] = stage.agent.claims().claims;
    expect(claim).toMatchObject({ reason: "why", sequence: 1 });
    stage.store.failWith(undefined);
    await stage.listen(2);
    expect(stage.store.past.state?.claims).toMatchObject([{ reason: "why", sequence: 1 }]);
  });

  test("a list counts in memory and is answered with claimsStored false", async () => {
    const answer = await stage.agent.sync(node("mn-1", 2), [statement(v)]);
    expect(answer).toEqual({ refused: [], claimsStored: false });
    expect(stage.live).toEqual(["mn-1 start 2"]);
    expect(await stage.isReportedStopped(v)).toBe(false);
    const replay = await stage.agent.sync(node("mn-1", 2), [statement(v)]);
    expect(replay, "said again it is not stored either").toMatchObject({ claimsStored: false });
    stage.store.failWith(undefined);
    const stored = await stage.agent.sync(node("mn-1", 2), [statement(v)]);
    expect(stored).toMatchObject({ claimsStored: true });
    expect(stage.stored).toEqual(["mn-1 start 2"]);
  });

  test("a continue takes effect and is answered durable false", async () => {
    const answer = await stage.agent.continueOperation(key, { owner: "mn-1" });
    expect(answer).toMatchObject({ durable: false, ended: [key] });
    expect(stage.live).toEqual([]);
    expect(await stage.isReportedStopped(u)).toBe(true);
    const late = await stage.agent.claim(node("mn-1", 1), statement(u));
    expect(late).toMatchObject({ code: "operation-continued" });
  });

  test("a departure takes effect and is answered durable false", async () => {
    expect(await stage.agent.depart("mn-1", 1, "mn-2")).toMatchObject({ durable: false });
    expect(stage.agent.status()).toMatchObject({ orphanedClaims: 1 });
  });

  test("a node that comes back is told, by each of its answers until it is durable", async () => {
    stage.store.failWith(undefined);
    await stage.agent.depart("mn-1", 1, "mn-2");
    stage.store.failWith(code);
    expect(await stage.agent.heartbeat(node("mn-1", 2))).toMatchObject({ durable: false });
    expect(await stage.agent.heartbeat(node("mn-1", 3))).toMatchObject({ durable: false });
    const sync = await stage.agent.sync(node("mn-1", 4), undefined);
    expect(sync).toMatchObject({ claimsStored: false });
    stage.store.failWith(undefined);
    expect(await stage.agent.heartbeat(node("mn-1", 5))).toMatchObject({ durable: true });
    expect(stage.store.past.state?.claims[0]?.orphan).toBeUndefined();
    stage.store.failWith(code);
    expect(await stage.agent.heartbeat(node("mn-1", 6)), "as ever").toMatchObject({
      durable: true,
    });
  });

  test("reports and reads go on, and the status says why", async () => {
    await stage.agent.claim(node("mn-1", 2), statement(v));
    expect(stage.agent.status().store).toMatchObject({
      writable: false,
      code,
      detail: expect.stringContaining("made up"),
      since: stage.now(),
    });
    expect(await stage.isReportedStopped(v)).toBe(true);
    expect(stage.messages.filter((line) => line.startsWith("warn the store"))).toHaveLength(1);
  });

  test("what failed is written when the disk takes it again, without anybody asking", async () => {
    await stage.agent.continueOperation(key, { owner: "mn-1" });
    await stage.listen(5);
    expect(stage.stored).toEqual(["mn-1 start 1"]);
    stage.store.failWith(undefined);
    await stage.listen(2);
    expect(stage.stored).toEqual([]);
    expect(stage.store.past.state?.tombstones).toHaveLength(1);
    expect(stage.agent.status().store).toEqual({ writable: true });
    expect(stage.messages.at(-1)).toBe("info the store can be written again");
    expect(await stage.history(), "nor is its history lost").toContain("claim-ended: continued");
  });

  test("it is not tried more often than once a second", async () => {
    await stage.agent.continueOperation(key, { owner: "mn-1" });
    const { writes } = stage.store;
    for (let tick = 0; tick < 40; tick += 1) {
      stage.nowMs += 100;
      stage.agent.tick();
      await settle();
    }
    expect(stage.store.writes - writes).toBeGreaterThanOrEqual(3);
    expect(stage.store.writes - writes).toBeLessThanOrEqual(4);
  });
});
