import { afterEach, beforeEach, expect, test } from "vitest";
import type { Report } from "../../src/http/schema/report.ts";
import type { Status } from "../../src/http/schema/status.ts";
import { Api, node, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  const standing = () => ({ ms: 1_000_000, wallMs: Date.UTC(2030, 0, 1) });
  api = await Api.start({ amnesiaReason: "new-store" }, standing);
  api.observer.show({ uuid: vm, name: "web-7", state: 5, reason: 1 });
});
afterEach(() => api[Symbol.asyncDispose]());

const amnesia = {
  reason: "new-store",
  startedAt: "2030-01-01T00:00:00.000Z",
  remainingSeconds: 600,
  waitingFor: ["mn-9"],
};

test("amnesia is said by reports and status, and nothing is called stopped", async () => {
  const report = await api.ok<Report>("GET", "/v1/report?include=libvirt");
  expect(report).toMatchObject({ amnesia, states: {}, absentMeans: "unknown" });
  expect(report.withheld).toMatchObject([{ vmUuid: vm, reasons: ["amnesia"] }]);
  expect(report.libvirt).toEqual({ [vm]: { name: "web-7" } });
  expect((await api.ok<Status>("GET", "/v1/status")).amnesia).toEqual(amnesia);
});

test("what is left of it is rounded up, and it is over when it is over", async () => {
  api.clock.leap(598.5);
  const { amnesia: left } = await api.ok<Report>("GET", "/v1/report");
  expect(left?.remainingSeconds).toBe(2);
  api.clock.leap(1.6);
  expect(await api.ok("GET", "/v1/report")).not.toHaveProperty("amnesia");
  // Until now it lasted for an instant of the window, the first.
  api.clock.leap(0.001);
  const report = await api.ok<Report>("GET", "/v1/report");
  expect(report).toMatchObject({ states: { [vm]: "Stopped" }, absentMeans: "stopped" });
});

test("the operator ends it, once", async () => {
  expect(await api.ok("DELETE", "/v1/amnesia")).toEqual({ ended: true, durable: true });
  expect(await api.ok("DELETE", "/v1/amnesia")).toEqual({ ended: false, durable: true });
  expect(await api.ok("GET", "/v1/status")).not.toHaveProperty("amnesia");
  api.clock.leap(0.001);
  expect((await api.ok<Report>("GET", "/v1/report")).states).toEqual({ [vm]: "Stopped" });
});

test("a full list that echoes store and epoch of this run ends it, others do not", async () => {
  const { agent } = await api.ok<Status>("GET", "/v1/status");
  const say = (sequence: number, more: object) => {
    return api.sync({ managementNode: { ...node(sequence, "mn-9"), ...more }, skipList: [] });
  };
  const { storeId } = agent;
  expect(await say(1, {})).toHaveProperty("amnesia");
  expect(await say(2, { storeId: "another", agentEpoch: agent.epoch })).toHaveProperty("amnesia");
  expect(await say(3, { storeId, agentEpoch: agent.epoch + 1 })).toHaveProperty("amnesia");
  expect(await say(4, { storeId, agentEpoch: agent.epoch })).not.toHaveProperty("amnesia");
});
