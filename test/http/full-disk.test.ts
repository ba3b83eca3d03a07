import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Report } from "../../src/http/schema/report.ts";
import type { Status } from "../../src/http/schema/status.ts";
import { Api, claimBody, claimUrl, entry, node, otherVm, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start();
  await api.claim("early", 1);
  api.store.failWith("full");
});
afterEach(() => api[Symbol.asyncDispose]());

const operations = async (): Promise<string[]> => {
  return (await api.claims()).claims.map(({ operationId }) => operationId).toSorted();
};

describe("while the disk is full", () => {
  test.each([
    ["a management node", claimBody(2)],
    ["the operator", { operator: true, reason: "by hand" }],
  ])("a claim of %s is refused with 507, and does not count", async (_who, payload) => {
    const answer = await api.send({ method: "PUT", url: claimUrl("late"), payload });
    expect(answer).toMatchObject({
      status: 507,
      body: { type: "urn:vmsyncd:problem:not-stored", title: "The disk did not take it" },
    });
    expect((answer.body as { detail: string }).detail).toMatch(/^cannot store the claim .*full/);
    expect(await operations()).toEqual(["early"]);
  });

  test("a list counts in memory, and says that it is not stored", async () => {
    const skipList = [entry(vm, "early"), entry(otherVm, "listed")];
    const report = await api.sync({ managementNode: node(2), skipList });
    expect(report).toMatchObject({ claimsStored: false, refused: [] });
    expect(report.skipped.map(({ vmUuid }) => vmUuid).toSorted()).toEqual([vm, otherVm].toSorted());
    expect(await operations()).toEqual(["early", "listed"]);
  });

  test("a sync without a list says so only where what it said could not be stored", async () => {
    expect(await api.sync({ managementNode: node(2) })).not.toHaveProperty("claimsStored");
    const managementNode = { ...node(3), orphanTtlSeconds: 3600 };
    expect(await api.sync({ managementNode })).toHaveProperty("claimsStored", false);
  });

  test("a continue takes effect, and says that it is not durable", async () => {
    expect(await api.continueClaim("early", "mn-1")).toMatchObject({
      ended: [{ operationId: "early" }],
      durable: false,
    });
    expect(await operations()).toEqual([]);
  });

  test("a continue of a VM takes effect, and says that it is not durable", async () => {
    const answer = await api.ok("DELETE", `/v1/claims/${vm}?caller=mn-1`);
    expect(answer).toMatchObject({ ended: [{ operationId: "early" }], durable: false });
    expect(await operations()).toEqual([]);
  });

  test("a departure takes effect, and says that it is not durable", async () => {
    const answer = await api.ok("DELETE", "/v1/management-nodes/mn-1?epoch=1");
    expect(answer).toMatchObject({ departed: true, orphaned: 1, durable: false });
    expect((await api.claims()).claims).toMatchObject([{ state: "orphaned" }]);
  });

  test("reports go on, and status says why", async () => {
    await api.continueClaim("early");
    const report = await api.ok<Report>("GET", "/v1/report");
    expect(report.absentMeans).toBe("stopped");
    const { store } = await api.ok<Status>("GET", "/v1/status");
    expect(store).toMatchObject({ writable: false, code: "full" });
    expect(store.detail).toMatch(/full/);
    expect(store.failingSinceAt).toMatch(/^\d{4}-/);
  });
});

test("once the disk takes it again, a claim is stored and a list says so", async () => {
  const payload = claimBody(2);
  expect((await api.send({ method: "PUT", url: claimUrl("late"), payload })).status).toBe(507);
  api.store.failWith(undefined);
  expect((await api.send({ method: "PUT", url: claimUrl("late"), payload })).status).toBe(200);
  const skipList = [entry(vm, "late")];
  expect(await api.sync({ managementNode: node(3), skipList })).toMatchObject({
    claimsStored: true,
  });
  expect((await api.ok<Status>("GET", "/v1/status")).store).toEqual({ writable: true });
});
