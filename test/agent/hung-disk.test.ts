// A disk that hangs holds up no answer for longer than its limit, and no end for ever.

import { beforeEach, describe, expect, test } from "vitest";
import { commitLimitMs } from "../../src/agent/journal.ts";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { isSettled, settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

describe("a disk that hangs", () => {
  beforeEach(async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
    stage.store.hold();
    void stage.agent.claim(node("mn-1", 2), statement(vm(3)));
    await settle();
  });

  test("keeps no statement waiting for longer than its limit, whenever it comes", async () => {
    for (let round = 0; round < 4; round += 1) {
      stage.nowMs += 1100;
      stage.agent.tick();
      const answer = stage.agent.continueVm(vm(50 + round), {
        orphans: false,
        caller: { id: "x" },
      });
      expect(await isSettled(answer)).toBe(false);
      stage.nowMs += commitLimitMs;
      stage.agent.tick();
      expect(await isSettled(answer)).toBe(true);
      expect(await answer).toMatchObject({ durable: false });
    }
    expect(stage.store.waiting, "one write at a time").toBe(1);
  });

  test("does not keep an end from counting, however many came before it", async () => {
    for (const vmUuid of [u, v]) {
      const answer = stage.agent.continueOperation(
        { vmUuid, operationId: "start" },
        { owner: "mn-1" },
      );
      stage.nowMs += commitLimitMs;
      stage.agent.tick();
      expect(await answer).toMatchObject({ durable: false });
      expect(await stage.isReportedStopped(vmUuid)).toBe(true);
    }
    stage.store.release();
    await stage.listen(2);
    expect(await stage.isReportedStopped(u)).toBe(true);
    expect(stage.stored).toEqual([]);
  });

  // Whoever stops the agent has to go on ticking until it has stopped.
  test("lets the agent stop within the limit, as long as it is ticked", async () => {
    const stopped = stage.agent.stop();
    expect(await isSettled(stopped)).toBe(false);
    stage.nowMs += commitLimitMs;
    stage.agent.tick();
    expect(await isSettled(stopped)).toBe(true);
  });

  test("that goes on has everything written, once", async () => {
    void stage.agent.continueOperation(key, { owner: "mn-1" });
    stage.nowMs += commitLimitMs;
    stage.agent.tick();
    await settle();
    expect(stage.live, "the claim that was refused has been taken back").toEqual(["mn-1 start 2"]);
    stage.store.release();
    await stage.listen(2);
    expect(stage.stored).toEqual(["mn-1 start 2"]);
    expect(await stage.history()).toEqual([
      "agent-started",
      "node-heard",
      "claim-made",
      "claim-made",
      "claim-made",
      "claim-ended: continued",
      "claim-ended: not-stored",
    ]);
  });
});
