// Everything is explained (G11): each transition is in the history with when, why and by whom.

import { beforeEach, describe, expect, test } from "vitest";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { waitingHistoryMax } from "../../src/agent/dirty-rows.ts";
import { settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

describe("the history has", () => {
  test("the whole life of a claim, with who asked", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.depart("mn-1", 1, "mn-2");
    await stage.agent.heartbeat(node("mn-1", 2));
    await stage.listen(180);
    await stage.listen(600);
    const entries = await stage.agent.history({ vmUuid: u, limit: 10 });
    const words = entries.toReversed().map(({ kind, cause, by }) => [kind, cause, by]);
    expect(words).toEqual([
      ["claim-made", undefined, "mn-1"],
      ["claim-orphaned", "departed", "mn-2"],
      ["claim-readopted", undefined, "mn-1"],
      ["claim-orphaned", "lease-lapsed", "agent"],
      ["claim-ended", "ttl-expired", "agent"],
    ]);
    const ofNode = await stage.agent.history({ managementNodeId: "mn-1", limit: 100 });
    expect(ofNode.map(({ kind }) => kind)).toContain("node-departed");
  });

  test("a continue with its caller, and one of nothing; one without a name as unnamed", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.continueOperation(key, { owner: "mn-1", caller: { id: "mn-2" } });
    await stage.agent.continueOperation({ ...key, vmUuid: v }, {});
    const [nothing, ended] = await stage.agent.history({ limit: 2 });
    expect(ended).toMatchObject({ kind: "claim-ended", cause: "continued", by: "mn-2", ...key });
    expect(nothing).toMatchObject({ kind: "continued-nothing", by: "unnamed", vmUuid: v });
    expect(nothing?.managementNodeId).toBeUndefined();
  });

  test("refusals of claims and of speakers, once a minute for each speaker and reason", async () => {
    await stage.agent.continueOperation(key, { owner: "mn-1" });
    await stage.agent.heartbeat(node("mn-1", 1, 5));
    for (let second = 0; second < 120; second += 1) {
      await stage.agent.claim(node("mn-1", 9, 5), statement(u));
      await stage.agent.heartbeat(node("mn-1", 9, 4));
      await stage.listen(1);
    }
    await stage.listen(2);
    const refusals = (await stage.history()).filter((entry) => entry.includes("refused"));
    expect(refusals.toSorted()).toEqual([
      "claim-refused: operation-continued",
      "claim-refused: operation-continued",
      "node-refused: stale-epoch",
      "node-refused: stale-epoch",
    ]);
  });

  test("each entry once, over writes that failed and were made good", async () => {
    stage.store.failWith("full");
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
    await stage.listen(3);
    stage.store.failWith(undefined);
    await stage.listen(2);
    expect(await stage.history()).toEqual([
      "agent-started",
      "node-heard",
      "claim-made",
      "claim-made",
    ]);
  });

  test("a word on what was dropped when the disk took nothing for too long; the newest are kept", async () => {
    stage.store.failWith("full");
    const size = 7000;
    for (let round = 1; round <= 3; round += 1) {
      const list = Array.from({ length: size }, (_, index) => statement(vm(round * size + index)));
      await stage.agent.sync(node("mn-1", round), list);
    }
    stage.store.failWith(undefined);
    await stage.listen(2);
    const all = await stage.agent.history({ limit: 100_000 });
    expect(all).toHaveLength(waitingHistoryMax + 1);
    expect(all.at(-2)?.kind).toBe("history-lost");
    expect(all.filter(({ kind }) => kind === "history-lost")).toHaveLength(1);
    expect(all[0]).toMatchObject({ kind: "claim-made", vmUuid: vm(4 * size - 1) });
  });

  test("nothing for signs of life and for what says nothing new", async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u)]);
    const before = await stage.history();
    await stage.agent.heartbeat(node("mn-1", 2));
    await stage.agent.sync(node("mn-1", 3), [statement(u)]);
    await stage.agent.claim(node("mn-1", 4), statement(u));
    await stage.agent.depart("mn-9", 1, "mn-1");
    await settle();
    expect(await stage.history()).toEqual(before);
  });
});
