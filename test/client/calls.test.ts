import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { ApiError } from "../../src/client/errors.ts";
import { patientLooks, SimulatedHost } from "../daemon/simulated-host.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

let host: SimulatedHost;
let origin: string;
beforeAll(async () => {
  host = await SimulatedHost.start();
  origin = await host.startDaemon(patientLooks);
  host.simulator.domains.define("db-1", otherVm);
  await host.simulator.domains.start(otherVm);
  // A first start: nothing would be called stopped.
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await client.endAmnesia();
});
afterAll(() => host[Symbol.asyncDispose]());

let sequence = 0;
const node = (id = "mn-1") => {
  sequence += 1;
  return { id, epoch: 1, instance: "i", sequence };
};

describe.each([
  ["a unix socket", () => ({ socketPath: host.socketPath }), vm],
  ["TCP", () => ({ origin }), "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0008"],
])("over %s", (_name, address, ownVm) => {
  test("status says how the agent is", async () => {
    await using client = new VmsyncdClient(address());
    await expect.poll(async () => (await client.status()).libvirt.up).toBe(true);
    const status = await client.status();
    expect(status).toMatchObject({
      host: { id: "host-7" },
      libvirt: { up: true, socket: host.simulator.socketPath },
    });
  });

  test("sync sends the list and gives the report", async () => {
    await using client = new VmsyncdClient(address());
    const skipList = [{ vmUuid: ownVm, operationId: "start", reason: "start" }];
    const report = await client.sync({ managementNode: node(), skipList, expect: [ownVm] });
    expect(report).toMatchObject({
      states: { [otherVm]: "Running" },
      skipped: [{ vmUuid: ownVm, claims: [{ operationId: "start" }] }],
      absentMeans: "stopped",
    });
  });

  test("report includes libvirt's words where they are asked for", async () => {
    await using client = new VmsyncdClient(address());
    expect(await client.report()).not.toHaveProperty("libvirt");
    const { libvirt } = await client.report({ include: "libvirt" });
    expect(libvirt?.[otherVm]).toEqual({ name: "db-1", state: 1, reason: 1 });
  });

  test.each(["plain", "a/b c%2F", "😀".repeat(64), "?#&=+;", "../.."])(
    "claim, claims and continueClaim keep the operation id %j",
    async (operationId) => {
      await using client = new VmsyncdClient(address());
      const made = await client.claim(ownVm, operationId, { managementNode: node(), reason: "r" });
      expect(made.claim).toMatchObject({ vmUuid: ownVm, operationId, managementNode: "mn-1" });
      expect((await client.claims()).claims).toContainEqual(made.claim);
      const { ended } = await client.continueClaim(ownVm, operationId);
      expect(ended).toEqual([made.claim]);
    },
  );

  test("continueClaim ends the claim of the owner that is named, whatever its id", async () => {
    await using client = new VmsyncdClient(address());
    const owner = "mn&2=3 +%#";
    const body = (id: string) => ({ managementNode: node(id), reason: "r" });
    await client.claim(ownVm, "op", body("mn-1"));
    await client.claim(ownVm, "op", body(owner));
    const { ended } = await client.continueClaim(ownVm, "op", { owner });
    expect(ended.map(({ managementNode }) => managementNode)).toEqual([owner]);
    await client.continueClaim(ownVm, "op");
  });
});

describe("a refusal", () => {
  test("is an ApiError with the problem and its type as code", async () => {
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    const body = { managementNode: node(), reason: "r", orphanTtlSeconds: 0 };
    const error: unknown = await client.claim(vm, "op", body).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      name: "ApiError",
      code: "invalid-request",
      problem: { status: 400, field: "/orphanTtlSeconds", in: "body" },
    });
    const { message, problem } = error as ApiError;
    expect(message).toBe(problem.detail);
  });

  test("can be told from another by its code", async () => {
    await using client = new VmsyncdClient({ socketPath: host.socketPath });
    const body = (id: string) => ({ managementNode: node(id), reason: "r" });
    await client.claim(vm, "two", body("mn-1"));
    await client.claim(vm, "two", body("mn-2"));
    await expect(client.continueClaim(vm, "two")).rejects.toMatchObject({
      code: "ambiguous-owner",
    });
    const late = { ...node(), sequence: 0 };
    await client.sync({ managementNode: node(), skipList: [] });
    await expect(client.sync({ managementNode: late, skipList: [] })).rejects.toMatchObject({
      code: "stale-list",
    });
  });
});

test("calls at the same time share one client and are each answered", async () => {
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  const reports = await Promise.all(Array.from({ length: 50 }, () => client.report()));
  expect(new Set(reports.map(({ reportId }) => reportId)).size).toBe(50);
});
