import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api, claimBody, claimUrl, entry, node, otherVm, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start();
});
afterEach(() => api[Symbol.asyncDispose]());

test("a claim is answered as it stands, and listed", async () => {
  const payload = { ...claimBody(3), reason: "migrate", orphanTtlSeconds: 86_400 };
  const { claim, skipRevision } = await api.ok<Awaited<ReturnType<Api["claim"]>>>(
    "PUT",
    claimUrl(),
    payload,
  );
  expect(claim).toMatchObject({
    vmUuid: vm,
    managementNode: "mn-1",
    operationId: "start-1",
    reason: "migrate",
    orphanTtlSeconds: 86_400,
    epoch: 1,
    sequence: 3,
  });
  expect(claim.madeAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(claim).toMatchObject({ state: "active", ageSeconds: 0 });
  expect(claim).not.toHaveProperty("orphan");
  expect(claim).not.toHaveProperty("stale");
  const agent = { storeId: "store-1", epoch: 1 };
  expect(await api.claims()).toEqual({ claims: [claim], skipRevision, agent });
});

test("a claim made again is renewed: reason and sequence change, its beginning stays", async () => {
  const { claim } = await api.claim("op", 1);
  const renewed = await api.ok<{ claim: unknown; skipRevision: number }>("PUT", claimUrl("op"), {
    ...claimBody(2),
    reason: "reboot",
  });
  expect(renewed.claim).toEqual({ ...claim, reason: "reboot", sequence: 2 });
  expect((await api.claims()).claims).toHaveLength(1);
});

test("a renewal that says no TTL takes the TTL away", async () => {
  await api.ok("PUT", claimUrl(), { ...claimBody(1), orphanTtlSeconds: 60 });
  const { claim } = await api.claim("start-1", 2);
  expect(claim).not.toHaveProperty("orphanTtlSeconds");
});

test("a uuid is the same VM undashed and in upper case, in the path and in lists", async () => {
  const upper = vm.replaceAll("-", "").toUpperCase();
  const { claim } = await api.ok<{ claim: { vmUuid: string } }>(
    "PUT",
    claimUrl("op", upper),
    claimBody(),
  );
  expect(claim.vmUuid).toBe(vm);
  const report = await api.sync({ managementNode: node(2), skipList: [entry(upper, "op")] });
  expect(report.skipped.map(({ vmUuid }) => vmUuid)).toEqual([vm]);
  expect((await api.claims()).claims).toHaveLength(1);
  expect((await api.continueClaim("op")).ended).toHaveLength(1);
});

test("ids that differ only in Unicode's normal form are two operations", async () => {
  await api.claim("e\u0301", 1);
  await api.claim("\u00e9", 2);
  expect((await api.claims()).claims).toHaveLength(2);
  await api.continueClaim("\u00e9");
  expect((await api.claims()).claims.map(({ operationId }) => operationId)).toEqual(["e\u0301"]);
});

describe("a continue", () => {
  test("names the claim that it ended, and raises the revision", async () => {
    const { claim, skipRevision } = await api.claim();
    const ended = await api.continueClaim();
    expect(ended).toEqual({
      ended: [claim],
      orphaned: [],
      durable: true,
      skipRevision: skipRevision + 1,
      agent: { storeId: "store-1", epoch: 1 },
    });
  });

  test("with an owner ends that one's claim and no other", async () => {
    await api.claim("op", 1, "mn-1");
    await api.claim("op", 1, "mn-2");
    const { ended } = await api.continueClaim("op", "mn-2");
    expect(ended.map(({ managementNode }) => managementNode)).toEqual(["mn-2"]);
    const { claims } = await api.claims();
    expect(claims.map(({ managementNode }) => managementNode)).toEqual(["mn-1"]);
  });

  test("without an owner, where two have such a claim, is refused and ends none", async () => {
    await api.claim("op", 1, "mn-1");
    await api.claim("op", 1, "mn-2");
    const before = api.state();
    const answer = await api.send({ method: "DELETE", url: claimUrl("op") });
    expect(answer).toMatchObject({
      status: 409,
      body: { type: "urn:vmsyncd:problem:ambiguous-owner" },
    });
    expect((answer.body as { detail: string }).detail).toMatch(/mn-1.*mn-2.*managementNode/);
    expect(api.state()).toEqual(before);
  });

  test.each([
    ["an operation that nobody claimed", "other", vm, undefined],
    ["a VM that nobody claimed", "op", otherVm, undefined],
    ["an owner that has no claim", "op", vm, "mn-2"],
    ["an owner that was never heard", "op", vm, "nobody"],
  ])("of %s is 200 and changes nothing", async (_title, operationId, vmUuid, owner) => {
    await api.claim("op");
    await api.sync({ managementNode: node(1, "mn-2"), skipList: [] });
    const before = api.state();
    const query = owner === undefined ? "" : `?managementNode=${owner}`;
    const url = `${claimUrl(operationId, vmUuid)}${query}`;
    expect(await api.ok("DELETE", url)).toMatchObject({ ended: [] });
    expect(api.state()).toEqual(before);
  });

  test("works with a media type and no body, as many HTTP libraries send it", async () => {
    await api.claim();
    const headers = { "content-type": "application/json" };
    const answer = await api.send({ method: "DELETE", url: claimUrl(), headers });
    expect(answer).toMatchObject({ status: 200, body: { ended: [{ operationId: "start-1" }] } });
  });

  test("works twice: the second time nothing ends", async () => {
    await api.claim();
    await api.continueClaim();
    expect(await api.continueClaim()).toMatchObject({ ended: [], skipRevision: 2 });
  });
});

test("status counts claims, and tells the nodes that were heard from those expected", async () => {
  await api.claim("a", 4);
  await api.claim("b", 5);
  const status = await api.ok("GET", "/v1/status");
  expect(status).toMatchObject({
    host: { id: "host-1", bootId: "boot-1" },
    agent: { storeId: "store-1", epoch: 1 },
    claims: { active: 2, orphaned: 0, stale: 0 },
    skipRevision: 2,
    instanceConflicts: 0,
    store: { writable: true },
    managementNodes: [
      { id: "mn-9", configured: true, state: "never-heard", claims: { active: 0, orphaned: 0 } },
      { id: "mn-1", configured: false, state: "alive", claims: { active: 2, orphaned: 0 } },
    ],
  });
  expect(status).not.toHaveProperty("observation");
});

test("status shows the last observation, once there is one", async () => {
  await api.ok("GET", "/v1/report");
  const status = await api.ok<{ observation: object }>("GET", "/v1/status");
  const observation = { complete: true, domains: 0, qemuProcesses: 0, problems: [] };
  expect(status.observation).toMatchObject(observation);
});
