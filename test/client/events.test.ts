import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentEvent } from "../../src/client/client.ts";
import { VmsyncdClient } from "../../src/client/client.ts";
import { ServedAgent } from "../cli/served-agent.ts";
import { ScriptedAgent } from "./scripted-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

let agent: ServedAgent;
beforeEach(async () => {
  agent = await ServedAgent.start();
});
afterEach(() => agent[Symbol.asyncDispose]());

/** The next event that says something. */
async function next(events: AsyncGenerator<AgentEvent, void>): Promise<AgentEvent> {
  for (;;) {
    const { value } = await events.next();
    if (value === undefined) throw new Error("the events have ended");
    if (value.event !== "alive") return value;
  }
}

async function all(events: AsyncGenerator<AgentEvent, void>): Promise<AgentEvent[]> {
  const told: AgentEvent[] = [];
  for await (const event of events) told.push(event);
  return told;
}

describe("events", () => {
  test("come one by one, and each says where to go on", async () => {
    const events = agent.client.events();
    const connected = await next(events);
    expect(connected).toMatchObject({ event: "connected", data: agentRun() });
    await agent.claim(vm, "op");
    expect(await next(events)).toMatchObject({ data: { kind: "node-heard" } });
    const made = await next(events);
    expect(made).toMatchObject({ event: "entry", data: { kind: "claim-made", vmUuid: vm } });
    await events.return();
    const again = agent.client.events({ after: connected.position });
    expect(await next(again)).toMatchObject({ event: "connected" });
    await next(again);
    expect(await next(again)).toEqual(made);
    await again.return();
  });

  test("of one VM and of some kinds are asked for", async () => {
    const events = agent.client.events({
      after: "0",
      vmUuid: otherVm,
      kinds: ["claim-made", "claim-ended"],
    });
    await next(events);
    await agent.claim(vm, "op");
    await agent.claim(otherVm, "op-2");
    expect(await next(events)).toMatchObject({ data: { kind: "claim-made", vmUuid: otherVm } });
    await events.return();
  });

  test("end without an error by the signal", async () => {
    const controller = new AbortController();
    const events = agent.client.events({ signal: controller.signal });
    await next(events);
    const ended = events.next();
    controller.abort();
    expect((await ended).done).toBe(true);
  });

  test("end with the reason when the agent stops", async () => {
    const events = agent.client.events();
    await next(events);
    agent.api.agent.watchers.release();
    expect(await next(events)).toMatchObject({ event: "cut", data: { reason: "stopping" } });
    expect((await events.next()).done).toBe(true);
  });

  test("that are refused are an ApiError", async () => {
    const events = agent.client.events({ kinds: ["nonsense"] });
    await expect(events.next()).rejects.toMatchObject({
      code: "invalid-request",
      problem: { field: "/kinds" },
    });
  });

  test("are nothing that a client without a network can have", () => {
    const exchange = async () => ({ status: 200, value: {} });
    const client = new VmsyncdClient({ exchange });
    expect(() => client.events()).toThrow("cannot follow events");
  });
});

test.each([
  ["breaks off", "HTTP/1.1 200 OK\r\n\r\nid: s:1\n\n", "not-running"],
  ["is no JSON", "HTTP/1.1 200 OK\r\n\r\nevent: claim-made\ndata: {\n\n", "bad-answer"],
  ["has another shape", "HTTP/1.1 200 OK\r\n\r\nevent: gap\ndata: {}\n\n", "bad-answer"],
  ["is none", "", "not-running"],
])("a stream that %s is said to be so", async (_what, answer, code) => {
  await using scripted = await new ScriptedAgent(answer).listen();
  await using client = new VmsyncdClient({ socketPath: scripted.socketPath });
  const reading = all(client.events());
  await expect(reading).rejects.toMatchObject({ name: "AgentUnreachableError", code });
});

test("an event of a newer agent is handed over as it is", async () => {
  const entry = { id: 7, at: "2030-01-01T00:00:00Z", kind: "vm-adored", by: "agent", more: 1 };
  const text = `event: vm-adored\nid: s:7\ndata: ${JSON.stringify(entry)}\n\nevent: cut\ndata: {"reason":"new","detail":"d"}\n\n`;
  await using scripted = await new ScriptedAgent(`HTTP/1.1 200 OK\r\n\r\n${text}`).listen();
  await using client = new VmsyncdClient({ socketPath: scripted.socketPath });
  const [first] = await all(client.events());
  expect(first).toEqual({ event: "entry", position: "s:7", data: entry });
});

describe("a report that is asked for again", () => {
  test("is none while nothing changes, and comes with its tag when something does", async () => {
    const { client } = agent;
    const first = await client.report({ ifNoneMatch: undefined });
    expect(first.report).toMatchObject({ contentRevision: 1, skipRevision: first.skipRevision });
    const same = await client.report({ ifNoneMatch: first.etag });
    expect(same).toMatchObject({ etag: first.etag, report: undefined });
    expect(Date.parse(same.observation.startedAt)).toBeGreaterThanOrEqual(
      Date.parse(first.observation.finishedAt) - 1,
    );
    const waiting = client.report({ ifNoneMatch: first.etag, waitSeconds: 30 });
    await expect.poll(() => agent.api.agent.watchers.held.size).toBe(1);
    await agent.claim(vm, "op");
    agent.api.agent.tick();
    const changed = await waiting;
    expect(changed.report?.skipped).toMatchObject([{ vmUuid: vm }]);
    expect(changed.etag).not.toBe(first.etag);
    expect(changed.skipRevisionNow).toBe(first.skipRevisionNow + 1);
  });

  test("is refused as others are", async () => {
    const asking = agent.client.report({ ifNoneMatch: undefined, waitSeconds: 31 });
    await expect(asking).rejects.toMatchObject({ code: "invalid-request" });
  });

  test("is not understood without its headers", async () => {
    const value = await agent.client.report();
    const client = new VmsyncdClient({ exchange: async () => ({ status: 200, value }) });
    const asking = client.report({ ifNoneMatch: undefined });
    await expect(asking).rejects.toMatchObject({ code: "bad-answer" });
  });
});

function agentRun() {
  const { storeId, agentEpoch } = agent.api.agent.run;
  return { storeId, agentEpoch };
}
