// Asking for reports again and again: tags, 304, and questions that are held.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { heldQuestionsMax } from "../../src/agent/held-questions.ts";
import type { DomainLook } from "../../src/core/observation.ts";
import type { Report } from "../../src/http/schema/report.ts";
import { settle } from "../agent/staged-agent.ts";
import { Api, node, otherVm, vm } from "./api.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

const shutOff: DomainLook = { uuid: vm, name: "web-7", state: 5, reason: 1 };
const running: DomainLook = { uuid: vm, name: "web-7", state: 1, reason: 1 };

let api: Api;
beforeEach(async () => {
  api = await Api.start();
  api.observer.show(shutOff);
});
afterEach(() => api[Symbol.asyncDispose]());

async function get(query = "", tag?: string) {
  const headers = tag === undefined ? {} : { "if-none-match": tag };
  const answer = await api.app.inject({ url: `/v1/report${query}`, headers });
  const report = answer.body === "" ? undefined : answer.json<Report>();
  return { status: answer.statusCode, headers: answer.headers, report };
}

async function tagNow(query = ""): Promise<string> {
  const { headers } = await get(query);
  return String(headers["etag"]);
}

/** Lets the agent do what it does several times a second. */
async function ticks(): Promise<void> {
  api.agent.tick();
  await settle();
}

describe("the tag", () => {
  test("is strong, and names the run and the content revision", async () => {
    const { headers, report } = await get();
    const { agent, contentRevision } = report ?? (await api.sync({ managementNode: node() }));
    expect(headers["etag"]).toBe(`"${agent.storeId}.${agent.epoch}.${contentRevision}"`);
    expect(headers["vmsyncd-content-revision"]).toBe(String(contentRevision));
  });

  test("is answered with 304, without a body, while nothing changes", async () => {
    const tag = await tagNow();
    api.clock.leap(60);
    const { status, headers, report } = await get("", tag);
    expect({ status, report, tag: headers["etag"] }).toEqual({
      status: 304,
      report: undefined,
      tag,
    });
    expect(headers["content-type"]).toBeUndefined();
  });

  test.each([
    ["weak", (tag: string) => `W/${tag}`],
    ["one of several", (tag: string) => `"other", ${tag}`],
    ["any", () => "*"],
  ])("is known when it is %s", async (_how, named) => {
    expect((await get("", named(await tagNow()))).status).toBe(304);
  });

  test.each([
    ["another", '"other"'],
    ["none", ""],
  ])("is not known when it is %s", async (_how, tag) => {
    expect((await get("", tag)).status).toBe(200);
  });

  test("comes with the observation's times and both skip revisions on either answer", async () => {
    const tag = await tagNow();
    const begun = api.observer.hold();
    const asked = get("", tag);
    await begun;
    // A claim of a VM that ends within the look's window would change the content: another's epoch does not.
    await api.ok("PUT", "/v1/management-nodes/mn-2", { managementNode: node(1, "mn-2") });
    api.observer.release();
    const { status, headers } = await asked;
    expect(status).toBe(304);
    const { skipRevision } = await api.claims();
    expect(headers).toMatchObject({
      "vmsyncd-skip-revision": String(skipRevision),
      "vmsyncd-skip-revision-now": String(skipRevision),
      "vmsyncd-observation-complete": "true",
    });
    const [from, to] = ["started", "finished"].map((word) => {
      return Date.parse(String(headers[`vmsyncd-observation-${word}-at`]));
    });
    expect(from).toBeLessThanOrEqual(to ?? 0);
  });

  test("tells the skip revision of the look from that of now", async () => {
    const begun = api.observer.hold();
    const asked = get();
    await begun;
    const before = (await api.claims()).skipRevision;
    await api.claim();
    api.observer.release();
    const { headers, report } = await asked;
    expect(report?.skipRevision).toBe(before);
    expect(headers["vmsyncd-skip-revision"]).toBe(String(before));
    expect(headers["vmsyncd-skip-revision-now"]).toBe(String(before + 1));
  });

  test("changes with libvirt's words only where they are included", async () => {
    const [plain, full] = [await tagNow(), await tagNow("?include=libvirt")];
    expect(full).not.toBe(plain);
    api.observer.show({ ...shutOff, name: "renamed" });
    expect((await get("", plain)).status).toBe(304);
    expect((await get("?include=libvirt", full)).status).toBe(200);
  });

  test("of another run is not known", async () => {
    const tag = await tagNow();
    await using next = await Api.start({
      state: { ...emptyState(), run: { storeId: "store-1", agentEpoch: 1 } },
    });
    next.observer.show(shutOff);
    const answer = await next.app.inject({ url: "/v1/report", headers: { "if-none-match": tag } });
    expect(answer.statusCode).toBe(200);
  });
});

function emptyState() {
  const nothing = { nodes: [], claims: [], tombstones: [], floors: [], stops: [] };
  return { ...nothing, checkpoint: { bootId: "boot-1", bootMs: 0, wallMs: 0 }, amnesia: undefined };
}

// G1: what was said before says nothing of a VM that is claimed by now.
test("a 304 does not stand for a stop of a VM that was claimed during the look", async () => {
  const tag = await tagNow();
  const begun = api.observer.hold();
  const asked = get("", tag);
  await begun;
  await api.claim();
  api.observer.release();
  const { status, report } = await asked;
  expect(status).toBe(200);
  expect(report).toMatchObject({ states: {}, skipped: [{ vmUuid: vm }] });
});

test("a question whose asker goes away is no longer held", async () => {
  await using served = await ServedFolder.make();
  await served.socket();
  const { held } = served.api.agent.watchers;
  const tag = String((await served.api.app.inject({ url: "/v1/report" })).headers["etag"]);
  const connection = await RawConnection.open({ path: served.file() });
  const head = ["GET /v1/report?wait=30 HTTP/1.1", "host: h", `if-none-match: ${tag}`, "", ""];
  connection.write(...head);
  await vi.waitFor(() => expect(held.size).toBe(1));
  connection[Symbol.dispose]();
  await vi.waitFor(() => expect(held.size).toBe(0));
});

describe("a question that waits", () => {
  const waiting = () => api.agent.watchers.status.heldQuestions;

  /** Asks, and resolves when the question is held. */
  async function held(tag: string, seconds = 30) {
    const before = waiting();
    const answer = get(`?wait=${seconds}`, tag);
    await vi.waitFor(() => expect(waiting()).toBe(before + 1));
    return { answer, looks: api.observer.looks };
  }

  test("is answered at once if it knows nothing, or something else", async () => {
    expect((await get("?wait=30")).status).toBe(200);
    expect((await get("?wait=30", '"other"')).status).toBe(200);
    expect(waiting()).toBe(0);
  });

  test("is answered with what changed when libvirt tells of a domain, by one look for all", async () => {
    const tag = await tagNow();
    const questions = [await held(tag), await held(tag), await held(tag)];
    const { looks } = api.observer;
    await ticks();
    expect(api.observer.looks).toBe(looks);
    api.observer.show(running);
    api.agent.noteDomain({ kind: "started", vmUuid: vm });
    await ticks();
    for (const { answer } of questions) {
      const { status, report } = await answer;
      expect(status).toBe(200);
      expect(report?.states).toEqual({ [vm]: "Running" });
    }
    expect(api.observer.looks).toBe(looks + 1);
    expect(waiting()).toBe(0);
  });

  test("goes on waiting when an event changed nothing", async () => {
    const { answer, looks } = await held(await tagNow());
    api.agent.noteDomain({ kind: "resumed", vmUuid: otherVm });
    await ticks();
    await ticks();
    expect(api.observer.looks).toBe(looks + 1);
    expect(waiting()).toBe(1);
    api.agent.watchers.release();
    expect((await answer).status).toBe(304);
  });

  test("is answered when a VM is claimed", async () => {
    const { answer, looks } = await held(await tagNow());
    await api.claim();
    await ticks();
    const { status, report } = await answer;
    expect(status).toBe(200);
    expect(report).toMatchObject({ states: {}, skipped: [{ vmUuid: vm }] });
    expect(api.observer.looks).toBe(looks + 1);
  });

  test("is answered when amnesia begins", async () => {
    const { answer } = await held(await tagNow());
    const managementNode = { ...node(), storeId: "store-1", agentEpoch: 9 };
    await api.ok("PUT", "/v1/management-nodes/mn-1", { managementNode });
    await ticks();
    expect((await answer).report).toMatchObject({ absentMeans: "unknown", amnesia: {} });
  });

  test("is answered by a look that others asked for, or that nobody did", async () => {
    const { answer } = await held(await tagNow());
    api.observer.show(running);
    api.clock.leap(31);
    api.agent.observeAfter(30_000);
    expect((await answer).report?.states).toEqual({ [vm]: "Running" });
  });

  test("is answered with 304 when its time is over, without another look", async () => {
    const { answer, looks } = await held(await tagNow(), 7);
    api.clock.leap(6.9);
    await ticks();
    expect(waiting()).toBe(1);
    api.clock.leap(0.2);
    await ticks();
    expect((await answer).status).toBe(304);
    expect(api.observer.looks).toBe(looks);
  });

  // G1: a claim that came since the last time that anybody looked.
  test("does not say at its end that a stop still holds of a VM that was claimed", async () => {
    const { answer } = await held(await tagNow(), 7);
    await api.claim();
    api.clock.leap(8);
    await ticks();
    const { status, report } = await answer;
    expect(status).toBe(200);
    expect(report).toMatchObject({ states: {}, skipped: [{ vmUuid: vm }] });
  });

  test("is answered when the agent stops, and none is held from then on", async () => {
    const tag = await tagNow();
    const { answer } = await held(tag);
    api.agent.watchers.release();
    expect((await answer).status).toBe(304);
    expect((await get("?wait=30", tag)).status).toBe(304);
  });

  test(`is refused when ${heldQuestionsMax} others wait, and counted`, async () => {
    const tag = await tagNow();
    const answers = Array.from({ length: heldQuestionsMax }, () => get("?wait=30", tag));
    await vi.waitFor(() => expect(waiting()).toBe(heldQuestionsMax));
    const headers = { "if-none-match": tag };
    const { status, body } = await api.send({ url: "/v1/report?wait=1", headers });
    expect({ status, body }).toMatchObject({
      status: 503,
      body: { type: "urn:vmsyncd:problem:too-many-held-questions" },
    });
    expect((await get("", tag)).status).toBe(304);
    expect(api.agent.watchers.status).toMatchObject({
      heldQuestionsTotal: heldQuestionsMax,
      heldQuestionsRefusedTotal: 1,
    });
    api.agent.watchers.release();
    await Promise.all(answers);
  });

  test.each(["0", "31", "1.5", "x", ""])("for %j seconds is refused", async (seconds) => {
    const { status } = await api.send({ url: `/v1/report?wait=${seconds}` });
    expect(status).toBe(400);
  });
});

test("what is serialised once is what each says", async () => {
  const begun = api.observer.hold();
  const asked = [get(), get(), get()];
  await begun;
  api.observer.release();
  const reports = (await Promise.all(asked)).map(({ report }) => report);
  expect(new Set(reports.map((report) => report?.reportId)).size).toBe(3);
  for (const report of reports) expect(report?.states).toEqual({ [vm]: "Stopped" });
});
