import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type {
  HeartbeatAnswer,
  NodeList,
  NodeStatus,
} from "../../src/http/schema/management-nodes.ts";
import { Api, claimBody, claimUrl, node } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start(undefined, () => ({ ms: 1_000_000, wallMs: Date.UTC(2030, 0, 1) }));
});
afterEach(() => api[Symbol.asyncDispose]());

const nodeUrl = (id = "mn-1"): string => `/v1/management-nodes/${encodeURIComponent(id)}`;
const heartbeat = (managementNode: object = node(), id = "mn-1") => {
  return api.ok<HeartbeatAnswer>("PUT", nodeUrl(id), { managementNode });
};
const refused = async (managementNode: object, id = "mn-1") => {
  const before = api.state();
  const answer = await api.send({ method: "PUT", url: nodeUrl(id), payload: { managementNode } });
  expect(api.state()).toEqual(before);
  return answer;
};

describe("a heartbeat", () => {
  test("is answered with the node as it is known", async () => {
    const said = { ...node(4), leaseSeconds: 60, orphanTtlSeconds: 30 };
    expect(await heartbeat(said)).toEqual({
      managementNode: {
        id: "mn-1",
        configured: false,
        state: "alive",
        epoch: 1,
        instance: "i",
        sequence: 4,
        lastSeenAt: "2030-01-01T00:00:00.000Z",
        leaseSeconds: 60,
        leaseRemainingSeconds: 60,
        claims: { active: 0, orphaned: 0 },
      },
      durable: true,
      agent: { storeId: "store-1", epoch: 1 },
    });
  });

  test("renews the lease; what is left of it is rounded up", async () => {
    await heartbeat({ ...node(1), leaseSeconds: 60 });
    api.clock.leap(4.5);
    const aged = await api.ok<NodeStatus>("GET", nodeUrl());
    expect(aged.leaseRemainingSeconds).toBe(56);
    expect((await heartbeat(node(2))).managementNode.leaseRemainingSeconds).toBe(60);
  });

  test("of a node that was configured and never heard makes it known", async () => {
    expect(await api.ok("GET", nodeUrl("mn-9"))).toEqual({
      id: "mn-9",
      configured: true,
      state: "never-heard",
      claims: { active: 0, orphaned: 0 },
    });
    const { managementNode } = await heartbeat(node(1, "mn-9"), "mn-9");
    expect(managementNode).toMatchObject({ configured: true, state: "alive" });
  });

  test("with another id than its path is refused", async () => {
    expect(await refused(node(1, "mn-2"))).toMatchObject({
      status: 400,
      body: { field: "/managementNode/id", in: "body" },
    });
  });

  test("under the operator's id is refused", async () => {
    const type = "urn:vmsyncd:problem:reserved-id";
    expect(await refused(node(1, "operator"), "operator")).toMatchObject({
      status: 400,
      body: { type },
    });
  });

  test("of an older epoch is refused, with the one that is in force", async () => {
    await heartbeat({ ...node(), epoch: 7 });
    expect(await refused({ ...node(9), epoch: 6 })).toMatchObject({
      status: 409,
      body: { type: "urn:vmsyncd:problem:stale-epoch", currentEpoch: 7 },
    });
  });

  test("of a second process under the same id is refused, and counted", async () => {
    await heartbeat();
    expect(await refused({ ...node(9), instance: "another" })).toMatchObject({
      status: 409,
      body: { type: "urn:vmsyncd:problem:instance-conflict", currentEpoch: 1 },
    });
    expect(await api.ok("GET", "/v1/status")).toMatchObject({ instanceConflicts: 1 });
  });

  test("of the 65th node is refused while the others are alive", async () => {
    for (let at = 1; at <= 64; at += 1) await heartbeat(node(1, `mn-${at}`), `mn-${at}`);
    expect(await refused(node(1, "mn-65"), "mn-65")).toMatchObject({
      status: 409,
      body: { type: "urn:vmsyncd:problem:too-many-management-nodes" },
    });
    const { managementNodes } = await api.ok<NodeList>("GET", "/v1/management-nodes");
    expect(managementNodes).toHaveLength(64);
  });
});

describe("every statement", () => {
  test.each([
    ["POST", "/v1/sync", { skipList: [] }],
    ["PUT", claimUrl(), { reason: "start" }],
    ["PUT", nodeUrl(), {}],
  ] as const)("%s %s may ask for the longest lease and no longer", async (method, url, more) => {
    const ask = (leaseSeconds: number) => {
      const payload = { managementNode: { ...node(), leaseSeconds }, ...more };
      return api.send({ method, url, payload });
    };
    const before = api.state();
    expect(await ask(601)).toMatchObject({
      status: 400,
      body: {
        type: "urn:vmsyncd:problem:invalid-request",
        field: "/managementNode/leaseSeconds",
        in: "body",
        detail:
          "cannot accept /managementNode/leaseSeconds in body: must be <= 600, this agent's leaseSecondsMax",
      },
    });
    expect(api.state()).toEqual(before);
    expect((await ask(600)).status).toBe(200);
    expect(await api.ok("GET", nodeUrl())).toMatchObject({ leaseSeconds: 600 });
  });
});

test("a node that is neither configured nor was heard is not found", async () => {
  const answer = await api.send({ method: "GET", url: nodeUrl("nobody") });
  expect(answer).toMatchObject({
    status: 404,
    body: {
      type: "urn:vmsyncd:problem:not-found",
      detail: "cannot find management node nobody: it is neither configured nor was it heard",
    },
  });
});

describe("a departure", () => {
  const depart = (query: string, id = "mn-1") => api.ok("DELETE", `${nodeUrl(id)}?${query}`);

  test("makes orphans of the node's claims, ends none, and is shown", async () => {
    await api.claim("a", 1);
    await api.claim("b", 2);
    expect(await depart("epoch=1&caller=mn-2")).toEqual({
      departed: true,
      orphaned: 2,
      durable: true,
      skipRevision: 3,
      agent: { storeId: "store-1", epoch: 1 },
    });
    const status = await api.ok<NodeStatus>("GET", nodeUrl());
    expect(status).toMatchObject({
      state: "departed",
      departedAt: "2030-01-01T00:00:00.000Z",
      departureCause: "departed",
      claims: { active: 0, orphaned: 2 },
    });
    expect(status).not.toHaveProperty("leaseRemainingSeconds");
    expect(await api.ok("GET", "/v1/status")).toMatchObject({ claims: { active: 0, orphaned: 2 } });
  });

  test("a second time is a no-op", async () => {
    await api.claim();
    await depart("epoch=1");
    expect(await depart("epoch=1")).toMatchObject({ departed: false, orphaned: 0 });
  });

  test("of an older epoch is a no-op", async () => {
    await api.ok("PUT", claimUrl(), { ...claimBody(), managementNode: { ...node(), epoch: 3 } });
    expect(await depart("epoch=2")).toMatchObject({ departed: false, orphaned: 0 });
    expect(await api.ok("GET", nodeUrl())).toMatchObject({ state: "alive" });
  });

  test("of a node that was never heard is a no-op", async () => {
    expect(await depart("epoch=1", "nobody")).toMatchObject({ departed: false, orphaned: 0 });
  });
});
