// A store that was rolled back behind the agent's back: an older copy of it was put in its place.

import { beforeEach, describe, expect, test } from "vitest";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { StagedAgent } from "./staged-agent.ts";

const u = vm(1);
let stage: StagedAgent;
beforeEach(async () => {
  stage = await StagedAgent.start();
});

const later = () => {
  const { storeId, agentEpoch } = stage.agent.run;
  return { storeId, agentEpoch: agentEpoch + 1 };
};

describe("a management node that echoes a later run of the store", () => {
  test.each([
    ["in a heartbeat", () => stage.agent.heartbeat({ ...node("mn-1", 1), ...later() })],
    ["in a sync", () => stage.agent.sync({ ...node("mn-1", 1), ...later() }, undefined)],
    ["in a list", () => stage.agent.sync({ ...node("mn-1", 1), ...later() }, [])],
  ])("%s begins amnesia: nothing is called stopped", async (_, speak) => {
    expect(await stage.isReportedStopped(u)).toBe(true);
    await speak();
    expect(stage.agent.amnesia()).toMatchObject({ reason: "rolled-back-store" });
    expect(await stage.isReportedStopped(u)).toBe(false);
  });

  test("for ever begins it once", async () => {
    await stage.agent.heartbeat({ ...node("mn-1", 1), ...later() });
    await stage.agent.endAmnesia("operator");
    await stage.agent.heartbeat({ ...node("mn-1", 2), ...later() });
    expect(stage.agent.amnesia()).toBeUndefined();
  });
});

describe("what a heartbeat asks for", () => {
  test("is durable before it is answered", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.heartbeat({ ...node("mn-1", 2), orphanTtlSeconds: 3600 });
    const restarted = await stage.restarted();
    expect(restarted.agent.managementNodes()[0]?.known).toMatchObject({ orphanTtlSeconds: 3600 });
  });

  test("is said not to be durable until it is", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    stage.store.failWith("full");
    const asking = { ...node("mn-1", 2), leaseSeconds: 60 };
    expect(await stage.agent.heartbeat(asking)).toMatchObject({ durable: false });
    expect(await stage.agent.heartbeat(node("mn-1", 3))).toMatchObject({ durable: false });
    stage.store.failWith(undefined);
    expect(await stage.agent.heartbeat(node("mn-1", 4))).toMatchObject({ durable: true });
  });
});

test("a claim that was not stored leaves the tombstone that it had put away", async () => {
  await stage.agent.claim(node("mn-1", 1), { ...statement(u), orphanTtlSeconds: 1 });
  await stage.agent.depart("mn-1", 1, "mn-2");
  await stage.listen(2);
  stage.store.failWith("full");
  const late = await stage.agent.claim(node("mn-1", 5), statement(u));
  expect(late).toMatchObject({ code: "not-stored" });
  stage.store.failWith(undefined);
  const older = await stage.agent.claim(node("mn-1", 1), statement(u));
  expect(older).toMatchObject({ code: "operation-expired" });
});

test("the history says which operation was refused, in a list too", async () => {
  await stage.agent.continueOperation({ vmUuid: u, operationId: "start" }, { owner: "mn-1" });
  await stage.agent.sync(node("mn-1", 1), [statement(u)]);
  await stage.agent.sync(node("mn-1", 2), []);
  const entries = await stage.agent.history({ limit: 100 });
  expect(entries).toContainEqual(
    expect.objectContaining({
      kind: "claim-refused",
      vmUuid: u,
      operationId: "start",
      cause: "operation-continued",
    }),
  );
});
