// What each call asks, and that what the agent answers to it is understood: over a real agent
// without a network.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { AgentUnreachableError, ApiError } from "../../src/client/errors.ts";
import { dispatcher } from "../../src/http/dispatch.ts";
import { Api, claimBody, entry, node, otherVm, vm } from "../http/api.ts";

let api: Api;
let client: VmsyncdClient;
let asked: string[];
beforeEach(async () => {
  api = await Api.start();
  asked = [];
  const dispatch = dispatcher(api.agent);
  client = new VmsyncdClient({
    exchange: async (method, path, body) => {
      asked.push(`${method} ${path}`);
      const answer = await dispatch(method, path, body);
      return { status: answer.status, value: answer.body };
    },
  });
});
afterEach(() => api[Symbol.asyncDispose]());

const opUrl = `/v1/claims/${vm}/op`;

test("claims are made, listed and filtered", async () => {
  const { claim, agent } = await client.claim(vm, "op", claimBody());
  const byHand = await client.claimAsOperator(otherVm, "op", { reason: "r", orphanTtlSeconds: 9 });
  expect(byHand.claim).toMatchObject({ managementNode: "operator", state: "orphaned" });
  expect((await client.claims({ vmUuid: vm })).claims).toEqual([claim]);
  expect((await client.claims({ managementNode: "operator" })).claims).toHaveLength(1);
  expect((await client.claims()).claims).toHaveLength(2);
  expect(agent).toEqual({ storeId: "store-1", epoch: 1 });
  expect(asked).toEqual([
    `PUT ${opUrl}`,
    `PUT /v1/claims/${otherVm}/op`,
    `GET /v1/claims?vmUuid=${vm}`,
    "GET /v1/claims?managementNode=operator",
    "GET /v1/claims",
  ]);
});

describe("a continue asks for no more than it was told", () => {
  const caller = { id: "mn&2", epoch: 3, sequence: 0 };
  const callerQuery = "caller=mn%262&callerEpoch=3&callerSequence=0";

  test.each([
    [undefined, ""],
    [{}, ""],
    [{ owner: "mn 1" }, "?managementNode=mn%201"],
    [{ caller: { id: "operator" } }, "?caller=operator"],
    [{ caller }, `?${callerQuery}`],
    [{ owner: "a", caller, outcome: "unknown" } as const, undefined],
  ])("of an operation: %j", async (options, query) => {
    const answer = await client.continueClaim(vm, "op", options);
    expect(answer).toMatchObject({ ended: [], orphaned: [], durable: true });
    expect(asked).toEqual([
      `DELETE ${opUrl}${query ?? `?managementNode=a&${callerQuery}&outcome=unknown`}`,
    ]);
  });

  test.each([
    [undefined, ""],
    [{ caller }, `?${callerQuery}`],
    [{ orphans: true }, "?orphans=true"],
    [{ caller, orphans: false }, `?${callerQuery}&orphans=false`],
  ])("of a VM: %j", async (options, query) => {
    expect(await client.continueVm(vm, options)).toMatchObject({ ended: [], durable: true });
    expect(asked).toEqual([`DELETE /v1/claims/${vm}${query}`]);
  });
});

test("a heartbeat, the nodes and a departure", async () => {
  const { managementNode } = await client.heartbeat({ ...node(1, "mn/1"), leaseSeconds: 60 });
  expect(managementNode).toMatchObject({ id: "mn/1", leaseSeconds: 60, state: "alive" });
  const { managementNodes } = await client.managementNodes();
  expect(managementNodes.map(({ id }) => id)).toEqual(["mn-9", "mn/1"]);
  expect(await client.depart("mn/1", 1, "mn-9")).toMatchObject({ departed: true, orphaned: 0 });
  expect(await client.depart("mn/1", 0)).toMatchObject({ departed: false });
  expect((await client.managementNode("mn/1")).state).toBe("departed");
  expect(asked).toEqual([
    "PUT /v1/management-nodes/mn%2F1",
    "GET /v1/management-nodes",
    "DELETE /v1/management-nodes/mn%2F1?epoch=1&caller=mn-9",
    "DELETE /v1/management-nodes/mn%2F1?epoch=0",
    "GET /v1/management-nodes/mn%2F1",
  ]);
});

test("history in pages", async () => {
  await client.sync({ managementNode: node(), skipList: [entry()] });
  const { entries, next } = await client.history({ limit: 1 });
  const [newest] = entries;
  await client.history({ vmUuid: vm, managementNode: "mn-1", before: newest?.id, limit: 5 });
  expect(next).toBe(newest?.id);
  expect(asked.slice(1)).toEqual([
    "GET /v1/history?limit=1",
    `GET /v1/history?vmUuid=${vm}&managementNode=mn-1&before=${next}&limit=5`,
  ]);
});

test("the end of amnesia, the report and status", async () => {
  expect(await client.endAmnesia("me")).toEqual({ ended: false, durable: true });
  await client.endAmnesia();
  await client.report();
  await client.report({ include: "libvirt" });
  expect((await client.status()).store).toEqual({ writable: true });
  expect(asked).toEqual([
    "DELETE /v1/amnesia?caller=me",
    "DELETE /v1/amnesia",
    "GET /v1/report",
    "GET /v1/report?include=libvirt",
    "GET /v1/status",
  ]);
});

test("a disk that refuses a claim is an ApiError with the code not-stored", async () => {
  api.store.failWith("full");
  const error: unknown = await client.claim(vm, "op", claimBody()).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "not-stored", problem: { status: 507 } });
});

test("an epoch that is over is an ApiError that names the one in force", async () => {
  await client.heartbeat({ ...node(), epoch: 4 });
  await expect(client.heartbeat({ ...node(), epoch: 3 })).rejects.toMatchObject({
    code: "stale-epoch",
    problem: { currentEpoch: 4 },
  });
});

describe("an exchange of one's own", () => {
  test("that fails is told as it failed", async () => {
    const failing = new VmsyncdClient({
      exchange: () => Promise.reject(new AgentUnreachableError("timeout", "made up")),
    });
    await expect(failing.status()).rejects.toMatchObject({ code: "timeout", message: "made up" });
  });

  test.each([
    [{ name: "host-7" }, "host-7"],
    [{}, "the agent"],
  ])("that answers what the API does not is a bad answer of its name", async (options, name) => {
    const exchange = async () => ({ status: 200, value: { ended: "yes" } });
    const odd = new VmsyncdClient({ exchange, ...options });
    await expect(odd.endAmnesia()).rejects.toMatchObject({
      code: "bad-answer",
      message: `cannot understand the answer of ${name}: to DELETE /v1/amnesia: answer must have required property 'durable'; is it a vmsyncd of this version?`,
    });
  });

  test("needs no closing", async () => {
    await using closed = new VmsyncdClient({
      exchange: async () => ({ status: 200, value: { ended: true, durable: true } }),
    });
    await closed[Symbol.asyncDispose]();
    expect(await closed.endAmnesia()).toEqual({ ended: true, durable: true });
  });
});
