import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Api, claimBody, claimUrl, entry, node, otherVm, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start();
});
afterEach(async () => {
  api.observer.release();
  await api[Symbol.asyncDispose]();
});

const running = (uuid: string) => ({ uuid, name: "web-7", state: 1, reason: 1 });
const shutOff = (uuid: string) => ({ uuid, name: "web-7", state: 5, reason: 1 });
const crashed = (uuid: string) => ({ uuid, name: "web-7", state: 6, reason: 1 });

test("a sync applies the list before it looks, so that its answer honours it", async () => {
  api.observer.show(shutOff(vm), running(otherVm));
  const report = await api.sync({ managementNode: node(), skipList: [entry()] });
  expect(report).toMatchObject({
    reportId: "report-1",
    skipRevision: 1,
    absentMeans: "stopped",
    states: { [otherVm]: "Running" },
    skipped: [{ vmUuid: vm, claims: [{ managementNode: "mn-1", operationId: "start-1" }] }],
    withheld: [],
    refused: [],
  });
  expect(report.skipped[0]).not.toHaveProperty("alive");
});

test("expected VMs are answered by name, in whatever form they were asked for", async () => {
  const upper = otherVm.replaceAll("-", "").toUpperCase();
  const report = await api.sync({
    managementNode: node(),
    skipList: [entry()],
    expect: [upper, vm],
  });
  expect(report.states).toEqual({ [otherVm]: "Stopped" });
  expect(report.skipped.map(({ vmUuid }) => vmUuid)).toEqual([vm]);
});

test("without a list nothing changes, and no refused entries are told", async () => {
  await api.claim();
  const report = await api.sync({ managementNode: node(9) });
  expect(report).not.toHaveProperty("refused");
  expect((await api.claims()).claims).toHaveLength(1);
});

test("an empty list ends the older claims of its node", async () => {
  await api.claim("op", 1);
  await api.sync({ managementNode: node(2), skipList: [] });
  expect((await api.claims()).claims).toEqual([]);
});

test("a stale list is refused and changes nothing", async () => {
  await api.sync({ managementNode: node(5), skipList: [entry()] });
  const before = api.state();
  const looks = api.observer.looks;
  const payload = { managementNode: node(4), skipList: [] };
  const answer = await api.send({ method: "POST", url: "/v1/sync", payload });
  expect(answer).toMatchObject({ status: 409, body: { type: "urn:vmsyncd:problem:stale-list" } });
  expect(api.state()).toEqual(before);
  expect(api.observer.looks).toBe(looks);
});

test("a replay is answered and not applied twice", async () => {
  const payload = { managementNode: node(5), skipList: [entry()] };
  await api.sync(payload);
  await api.continueClaim();
  const { skipRevision } = await api.claims();
  expect(await api.sync(payload)).toMatchObject({ skipRevision, refused: [] });
  expect((await api.claims()).claims).toEqual([]);
});

test("entries for which a node has no room are named, each with why", async () => {
  const list = Array.from({ length: 20_000 }, (_, at) => entry(vm, String(at)));
  const first = await api.sync({ managementNode: node(1), skipList: list });
  expect(first.refused).toEqual([]);
  // A claim younger than the list stays and takes the place of one that the list names.
  await api.continueClaim("0");
  await api.claim("young", 3);
  const skipList = [...list.slice(1), entry(vm, "new")];
  const { refused } = await api.sync({ managementNode: node(2), skipList });
  expect(refused).toMatchObject([{ operationId: "new", code: "too-many-claims", vmUuid: vm }]);
  const payload = claimBody(4);
  const answer = await api.send({ method: "PUT", url: claimUrl("one-more"), payload });
  expect(answer).toMatchObject({
    status: 409,
    body: { type: "urn:vmsyncd:problem:too-many-claims" },
  });
});

describe("libvirt's words", () => {
  test("are left out unless they are asked for", async () => {
    api.observer.show(running(vm));
    expect(await api.sync({ managementNode: node() })).not.toHaveProperty("libvirt");
    expect(await api.ok("GET", "/v1/report")).not.toHaveProperty("libvirt");
  });

  test.each([
    ["GET", "/v1/report?include=libvirt", undefined],
    ["POST", "/v1/sync", { managementNode: node(2), include: ["libvirt"] }],
  ] as const)(
    "say state and reason of VMs that are judged: %s %s",
    async (...[method, url, body]) => {
      api.observer.show(running(vm), shutOff(otherVm));
      const report = await api.ok<{ libvirt: unknown }>(method, url, body);
      expect(report.libvirt).toEqual({
        [vm]: { name: "web-7", state: 1, reason: 1 },
        [otherVm]: { name: "web-7", state: 5, reason: 1 },
      });
    },
  );

  test.each([
    ["5", shutOff(vm)],
    ["6", crashed(vm)],
  ])("do not say %s of a skipped VM", async (_state, domain) => {
    api.observer.show(domain);
    await api.claim();
    const { libvirt } = await api.sync({ managementNode: node(2), include: ["libvirt"] });
    expect(libvirt).toEqual({ [vm]: { name: "web-7" } });
  });

  test("do not say of a withheld VM what the report does not: it migrated away", async () => {
    api.observer.show({ ...shutOff(vm), reason: 4 });
    const report = await api.sync({ managementNode: node(), include: ["libvirt"] });
    expect(report.withheld).toMatchObject([{ vmUuid: vm, reasons: ["migrated-away"] }]);
    expect(report.libvirt).toEqual({ [vm]: { name: "web-7" } });
  });
});

describe("G1: while a sync waits for its observation", () => {
  const waiting = async () => {
    api.observer.show(shutOff(vm), shutOff(otherVm));
    const begun = api.observer.hold();
    const body = { managementNode: node(10), expect: [vm], include: ["libvirt"] };
    const answer = api.sync(body);
    await begun;
    return answer;
  };
  const honoured = (report: Awaited<ReturnType<Api["sync"]>>): void => {
    expect(report.states).toEqual({ [otherVm]: "Stopped" });
    expect(report.skipped).toMatchObject([{ vmUuid: vm, claims: [{ managementNode: "mn-2" }] }]);
    expect(report.libvirt?.[vm]).toEqual({ name: "web-7" });
  };

  test("a claim that arrives is honoured in its answer", async () => {
    const answer = waiting();
    await expect.poll(() => api.observer.looks).toBe(1);
    await api.claim("late", 1, "mn-2");
    api.observer.release();
    honoured(await answer);
  });

  test("a list that arrives is honoured in its answer", async () => {
    const answer = waiting();
    await expect.poll(() => api.observer.looks).toBe(1);
    const list = api.sync({ managementNode: node(1, "mn-2"), skipList: [entry()] });
    await expect.poll(() => api.agent.claims().claims.length).toBe(1);
    api.observer.release();
    honoured(await answer);
    await list;
  });

  test.each([
    ["continued", () => api.continueClaim("early", "mn-2")],
    ["left out of a list", () => api.agent.sync(node(2, "mn-2"), [])],
  ])("a claim that is %s is honoured in its answer all the same", async (_how, end) => {
    await api.claim("early", 1, "mn-2");
    const answer = waiting();
    await expect.poll(() => api.observer.looks).toBe(1);
    await end();
    api.observer.release();
    const report = await answer;
    honoured(report);
    expect(report.skipped[0]?.claims[0]).toHaveProperty("endedAt");
  });

  test("a claim made and continued in between is honoured in its answer", async () => {
    const answer = waiting();
    await expect.poll(() => api.observer.looks).toBe(1);
    await api.claim("short", 1, "mn-2");
    await api.continueClaim("short");
    api.observer.release();
    honoured(await answer);
  });

  test("GET /v1/report honours it too", async () => {
    api.observer.show(shutOff(vm));
    const begun = api.observer.hold();
    const answer = api.ok<{ states: object }>("GET", "/v1/report");
    await begun;
    await api.claim();
    api.observer.release();
    expect((await answer).states).toEqual({});
  });

  test("a second sync waits for a look that begins after it, and shares it", async () => {
    const asked = vi.spyOn(api.agent, "observe");
    const first = waiting();
    await expect.poll(() => api.observer.looks).toBe(1);
    const second = api.sync({ managementNode: node(11) });
    const third = api.sync({ managementNode: node(12) });
    await expect.poll(() => asked.mock.calls.length).toBe(3);
    api.observer.release();
    await Promise.all([first, second, third]);
    expect(api.observer.looks).toBe(2);
  });
});

test("a claim that was continued before the sync is not honoured: the stop is found", async () => {
  api.observer.show(shutOff(vm));
  await api.claim();
  await api.continueClaim();
  expect((await api.sync({ managementNode: node(2) })).states).toEqual({ [vm]: "Stopped" });
});

describe("an error that nobody foresaw", () => {
  const secret = "SQLITE_CORRUPT at /var/lib/vmsyncd/secret.db";

  test("is a 500 that does not say what it was, and the log is told", async () => {
    const begun = api.observer.hold();
    const payload = { managementNode: node() };
    const answer = api.send({ method: "POST", url: "/v1/sync", payload });
    await begun;
    api.observer.fail(new Error(secret));
    const { status, body } = await answer;
    expect(status).toBe(500);
    expect(body).toMatchObject({ type: "urn:vmsyncd:problem:internal-error" });
    expect(JSON.stringify(body)).not.toMatch(/SQLITE|secret/);
    expect(api.errors.map(({ message }) => message)).toEqual([secret]);
  });

  test("is none of the next request", async () => {
    const begun = api.observer.hold();
    const answer = api.send({ method: "GET", url: "/v1/report" });
    await begun;
    api.observer.fail(new Error(secret));
    await answer;
    expect(await api.ok("GET", "/v1/report")).toMatchObject({ absentMeans: "stopped" });
  });
});
