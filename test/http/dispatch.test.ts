import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { type Dispatch, dispatcher } from "../../src/http/dispatch.ts";
import { emptyPast } from "../agent/memory-store.ts";
import { Api, claimBody, claimUrl, entry, node, otherVm, vm } from "./api.ts";

// It stands, so that two agents that are asked the same answer the same, to the letter.
const standing = () => ({ ms: 1_000_000, wallMs: Date.UTC(2030, 0, 1) });

let served: Api;
let dispatched: Api;
let dispatch: Dispatch;
beforeEach(async () => {
  served = await Api.start(emptyPast("boot-1"), standing);
  dispatched = await Api.start(emptyPast("boot-1"), standing);
  dispatch = dispatcher(dispatched.agent);
});
afterEach(async () => {
  dispatched.observer.release();
  await served[Symbol.asyncDispose]();
  await dispatched[Symbol.asyncDispose]();
});

type Request = readonly [method: "GET" | "POST" | "PUT" | "DELETE", url: string, body?: object];

/** Asks both, and expects one answer. */
async function expectSame([method, url, body]: Request): Promise<number> {
  const overHttp = await served.send({ method, url, ...(body && { payload: body }) });
  // What goes over a network goes as text.
  const answer = await dispatch(method, url, body && structuredClone(body));
  const text = JSON.stringify(answer.body);
  expect({ status: answer.status, body: JSON.parse(text) as unknown }).toEqual(overHttp);
  return answer.status;
}

const nodesUrl = "/v1/management-nodes";
const story: readonly Request[] = [
  ["POST", "/v1/sync", { managementNode: node(1), skipList: [entry()], expect: [vm, otherVm] }],
  ["PUT", claimUrl("a b/ü%"), { ...claimBody(2), orphanTtlSeconds: 7 }],
  ["PUT", claimUrl("a b/ü%"), claimBody(2, "mn-2")],
  ["PUT", claimUrl("by-hand", otherVm), { operator: true, reason: "look into it" }],
  ["GET", `/v1/claims?managementNode=mn-2&vmUuid=${vm.toUpperCase()}`],
  ["PUT", `${nodesUrl}/mn-1`, { managementNode: { ...node(3), leaseSeconds: 60 } }],
  ["PUT", claimUrl("late"), { ...claimBody(9, "mn-2"), managementNode: { ...node(9), epoch: 0 } }],
  ["DELETE", claimUrl("a b/ü%")],
  ["DELETE", `${claimUrl("a b/ü%")}?managementNode=mn-2&outcome=unknown`],
  ["DELETE", `${nodesUrl}/mn-1?epoch=1&caller=mn-2`],
  ["GET", nodesUrl],
  ["GET", `${nodesUrl}/mn-1`],
  ["GET", `${nodesUrl}/nobody`],
  ["GET", "/v1/report?include=libvirt"],
  ["GET", "/v1/status"],
  ["DELETE", `/v1/claims/${vm}?caller=mn-2&orphans=true`],
  ["GET", "/v1/history?limit=2"],
  ["GET", `/v1/history?vmUuid=${vm}&before=5`],
  ["DELETE", "/v1/amnesia?caller=me"],
  ["GET", "/v1/claims"],
];

const mistakes: readonly Request[] = [
  ["GET", "/v1/nothing"],
  ["GET", "/"],
  ["GET", "/v1/claims/"],
  ["GET", "/V1/claims"],
  ["PUT", "/v1/sync"],
  ["PUT", claimUrl(""), claimBody()],
  ["PUT", claimUrl("a".repeat(65)), claimBody()],
  ["PUT", `/v1/claims/${vm}/%zz`, claimBody()],
  ["PUT", `/v1/claims/${vm}/%ff`, claimBody()],
  ["PUT", `/v1/claims/${vm}/${"a".repeat(900)}`, claimBody()],
  ["PUT", claimUrl(), { ...claimBody(), orphanTtlSeconds: 0 }],
  ["PUT", claimUrl(), { ...claimBody(), extra: 1 }],
  ["PUT", claimUrl(), { reason: "x" }],
  ["PUT", `/v1/claims/no-uuid/op`, { nothing: true }],
  ["POST", "/v1/sync", { managementNode: node(), skipList: [entry(), entry()] }],
  ["DELETE", `${claimUrl()}?owner=mn-1`],
  ["DELETE", `${claimUrl()}?managementNode=a&managementNode=b`],
  ["DELETE", `${claimUrl()}?managementNode=%zz`],
  ["DELETE", claimUrl(), { managementNode: "mn-1" }],
  ["DELETE", `${nodesUrl}/mn-1`],
  ["GET", "/v1/history?limit=0"],
  ["GET", "/v1/report?__proto__=1"],
];

describe("whoever is asked without a network answers as over HTTP", () => {
  test("in a story that takes every route", async () => {
    const statuses: number[] = [];
    for (const request of story) statuses.push(await expectSame(request));
    expect(statuses.filter((status) => status !== 200)).toEqual([409, 409, 404]);
  });

  const rows = mistakes.map((request) => {
    const [method, url] = request;
    return { method, url, request };
  });
  test.each(rows)("$method $url is refused for the same mistake", async ({ request }) => {
    expect(await expectSame(request)).toBeGreaterThanOrEqual(400);
  });
});

test("an escape in a fixed part of an address is read", async () => {
  const url = "/v1/cl%61ims";
  expect((await served.app.inject({ url })).statusCode).toBe(200);
  expect((await dispatch("GET", url)).status).toBe(200);
});

test("a report is sent in the turn in which it was filtered", async () => {
  const order: string[] = [];
  const { agent } = dispatched;
  const deliver = agent.deliver.bind(agent);
  vi.spyOn(agent, "deliver").mockImplementation((look, expected, send, to) => {
    const watched: typeof send = (report) => {
      order.push("filtered");
      // As early as anything can run once this code has let go.
      queueMicrotask(() => order.push("something else"));
      send(report);
    };
    deliver(look, expected, watched, to);
  });
  const answer = await dispatch("GET", "/v1/report", undefined, (status) => {
    order.push(`sent ${status}`);
  });
  expect(order).toEqual(["filtered", "sent 200", "something else"]);
  expect(answer.status).toBe(200);
});

test("a tag that holds is answered without a body, and what is said beside it is told", async () => {
  const { headers } = await dispatch("GET", "/v1/report");
  const asked = { "if-none-match": headers?.["etag"] };
  const told: unknown[] = [];
  const send = (...answer: readonly unknown[]): void => void told.push(answer);
  const answer = await dispatch("GET", "/v1/report", undefined, send, asked);
  expect(answer).toEqual({ status: 304, body: undefined, headers });
  expect(told).toEqual([[304, undefined, headers]]);
});

test("events need a network", async () => {
  expect(await dispatch("GET", "/v1/events")).toMatchObject({
    status: 404,
    body: { detail: "cannot stream events here: there is no network" },
  });
});

test("a refusal is sent too, once", async () => {
  const sent: number[] = [];
  await dispatch("GET", "/v1/nothing", undefined, (status) => sent.push(status));
  expect(sent).toEqual([404]);
});

describe("an error that nobody foresaw", () => {
  test("rejects, where nobody wants to be told of it", async () => {
    void dispatched.observer.hold();
    const answer = dispatch("GET", "/v1/report");
    dispatched.observer.fail(new Error("made up"));
    await expect(answer).rejects.toThrow("made up");
  });

  test("is told, and answered with 500", async () => {
    const errors: Error[] = [];
    void dispatched.observer.hold();
    const answer = dispatcher(dispatched.agent, (error) => errors.push(error))("GET", "/v1/report");
    dispatched.observer.fail(new Error("made up"));
    expect(await answer).toMatchObject({
      status: 500,
      body: { detail: "cannot answer GET /v1/report: the agent failed; its log says why" },
    });
    expect(errors.map(({ message }) => message)).toEqual(["made up"]);
  });

  test("in what takes the answer is not answered again", async () => {
    const sent: number[] = [];
    const answer = dispatch("GET", "/v1/claims", undefined, (status) => {
      sent.push(status);
      throw new Error("made up");
    });
    await expect(answer).rejects.toThrow("made up");
    expect(sent).toEqual([200]);
  });
});

test("a client over it needs no network", async () => {
  await using client = new VmsyncdClient({
    exchange: async (method, path, body) => {
      const { status, body: value } = await dispatch(method, path, body);
      return { status, value };
    },
  });
  const { claim } = await client.claim(vm, "op", claimBody());
  expect((await client.claims()).claims).toEqual([claim]);
  await expect(client.managementNode("nobody")).rejects.toMatchObject({ code: "not-found" });
});
