// The content revision, and what is shared by those who ask for one look.

import { beforeEach, describe, expect, test } from "vitest";
import type { Look } from "../../src/agent/answers.ts";
import { domain, type Sighting, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { accepted, settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const off = { domains: [domain(u, 5)] };

let stage: StagedAgent;
let sequence: number;
beforeEach(async () => {
  stage = await StagedAgent.start();
  sequence = 0;
});

async function look(of: Omit<Sighting, "startedAt"> = off): Promise<Look> {
  const looking = stage.agent.observe();
  await stage.see(of);
  return await looking;
}

async function claim(vmUuid = u): Promise<void> {
  stage.nowMs += 1;
  sequence += 1;
  await accepted(stage.agent.claim(node("mn-1", sequence), statement(vmUuid)));
}

const revisionOf = (of: Look): number => stage.report(of).contentRevision;

describe("the content revision", () => {
  test("stays while looks show the same, however much time passes", async () => {
    const first = revisionOf(await look());
    stage.nowMs += 60_000;
    expect(revisionOf(await look())).toBe(first);
    stage.agent.noteDomain({ kind: "resumed", vmUuid: v });
    expect(revisionOf(await look())).toBe(first);
  });

  test("rises with what is seen, and again when that is taken back", async () => {
    const first = revisionOf(await look());
    expect(revisionOf(await look({ domains: [domain(u, 1)], qemus: [u] }))).toBe(first + 1);
    expect(revisionOf(await look())).toBe(first + 2);
  });

  test("rises with a claim on the same look, and when the claim has left its window", async () => {
    const one = await look();
    const first = revisionOf(one);
    await claim();
    expect(revisionOf(one)).toBe(first + 1);
    await stage.agent.continueOperation({ vmUuid: u, operationId: "start" }, { owner: "mn-1" });
    expect(revisionOf(await look())).toBe(first + 2);
  });

  test("does not depend on whom a question expects", async () => {
    const one = await look();
    const first = revisionOf(one);
    expect(stage.report(one, [vm(9)]).contentRevision).toBe(first);
    expect(stage.report(one, [vm(9)]).filtered.states[vm(9)]).toBe("Stopped");
    expect(revisionOf(one)).toBe(first);
  });

  test("is that of a question that was not answered yet", async () => {
    const one = await look();
    expect(stage.agent.contentOf(one).revision).toBe(revisionOf(one));
  });
});

describe("a look that several ask for", () => {
  test("is filtered once while nothing changes", async () => {
    const one = await look();
    const { states } = stage.report(one).filtered;
    await settle();
    // What was said of the stop was noted in between.
    expect(stage.report(one).filtered.states).toEqual(states);
    expect(stage.report(one).filtered.states).toBe(stage.report(one).filtered.states);
  });

  test("is filtered again when a claim came in between", async () => {
    const one = await look();
    expect(stage.report(one).filtered.states).toEqual({ [u]: "Stopped" });
    expect(stage.report(one).filtered.states).toEqual({ [u]: "Stopped" });
    await claim();
    const { states, skipped } = stage.report(one).filtered;
    expect(states).toEqual({});
    expect(skipped.map(({ vmUuid }) => vmUuid)).toEqual([u]);
  });

  test("is filtered again when a claim came and went, and when amnesia was declared", async () => {
    const one = await look();
    stage.report(one);
    await claim();
    await stage.agent.continueOperation({ vmUuid: u, operationId: "start" }, { owner: "mn-1" });
    expect(stage.report(one).filtered.skipped).toHaveLength(1);
    const two = await look();
    expect(stage.report(two).filtered.states).toEqual({ [u]: "Stopped" });
    const later = { ...node("mn-1", 99), storeId: "store-1", agentEpoch: 7 };
    await accepted(stage.agent.heartbeat(later));
    expect(stage.report(two).filtered.states).toEqual({});
  });
});
