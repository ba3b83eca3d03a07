// Events over HTTP, as bytes: what a consumer reads, and what becomes of one that does not.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DomainLook } from "../../src/core/observation.ts";
import { type Api, otherVm, vm } from "./api.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

const shutOff: DomainLook = { uuid: vm, name: "web-7", state: 5, reason: 1 };
const heartbeatMs = 20;

let folder: ServedFolder;
let api: Api;
beforeEach(async () => {
  folder = await ServedFolder.make({ heartbeatMs });
  api = folder.api;
  await folder.socket();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function open(query = "", of = folder, id?: string): Promise<RawConnection> {
  const connection = await RawConnection.open({ path: of.file() });
  const headers = id === undefined ? [] : [`last-event-id: ${id}`];
  connection.write(`GET /v1/events${query} HTTP/1.1`, "host: h", ...headers, "", "");
  await vi.waitFor(() => expect(connection.received).toContain("\r\n\r\n"));
  return connection;
}

interface Told {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Record<string, unknown>;
}

/** Blocks of the stream, those without an event among them. */
function blocksOf({ received }: RawConnection): Told[] {
  const body = received
    .slice(received.indexOf("\r\n\r\n") + 4)
    .replaceAll(/[0-9a-f]+\r\n|\r\n/g, "");
  return body.split("\n\n").flatMap((block) => {
    const lines = block.split("\n").map((line) => /^(\w+): (.*)$/.exec(line));
    const fields = lines.flatMap((line) => (line === null ? [] : [[line[1], line[2]] as const]));
    const { id, event, data } = Object.fromEntries(fields) as Record<string, string>;
    if (id === undefined && event === undefined) return [];
    return [
      {
        ...(id !== undefined && { id }),
        ...(event !== undefined && { event }),
        ...(data !== undefined && { data: JSON.parse(data) as Record<string, unknown> }),
      },
    ];
  });
}

const eventsOf = (connection: RawConnection): Told[] =>
  blocksOf(connection).filter(({ event }) => event !== undefined);
const kindsOf = (connection: RawConnection): (string | undefined)[] =>
  eventsOf(connection).map(({ event }) => event);

async function reads(connection: RawConnection, ...kinds: readonly string[]): Promise<Told[]> {
  await vi.waitFor(() => expect(kindsOf(connection)).toEqual(kinds));
  return eventsOf(connection);
}

test("a stream is of its media type, kept by nobody, and begins with whose events follow", async () => {
  using connection = await open();
  const [connected] = await reads(connection, "connected");
  expect(connection.received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(connection.received).toMatch(/^content-type: text\/event-stream; charset=utf-8\r$/im);
  expect(connection.received).toMatch(/^cache-control: no-store\r$/im);
  const { storeId, agentEpoch } = api.agent.run;
  expect(connected).toEqual({
    id: `${storeId}:1`,
    event: "connected",
    data: { storeId, agentEpoch },
  });
});

test("an event is called by its kind, has the id of its entry, and the entry as its data", async () => {
  using connection = await open();
  await api.claim();
  const told = await reads(connection, "connected", "node-heard", "claim-made");
  const { entries } = await api.ok<{ entries: unknown[] }>("GET", "/v1/history?limit=1");
  expect(told.at(-1)).toEqual({
    id: `${api.agent.run.storeId}:3`,
    event: "claim-made",
    data: entries[0],
  });
});

test("goes on after Last-Event-ID, which goes before ?after, or after a mere id", async () => {
  await api.claim();
  const { storeId } = api.agent.run;
  using one = await open("?after=1", folder, `${storeId}:2`);
  await reads(one, "connected", "claim-made");
  using other = await open("?after=2");
  await reads(other, "connected", "claim-made");
  using whole = await open("?after=0");
  const told = await reads(whole, "connected", "agent-started", "node-heard", "claim-made");
  expect(told.map(({ id }) => id)).toEqual([0, 1, 2, 3].map((id) => `${storeId}:${id}`));
});

test("an id of another store is answered with a gap that is told once", async () => {
  using one = await open("?after=other:7");
  const told = await reads(one, "connected", "gap", "agent-started");
  expect(told[1]?.data).toEqual({ reason: "other-store", nextId: 1 });
  using again = await open(`?after=${told[1]?.id}`);
  await reads(again, "connected", "agent-started");
});

test("only what is wanted is told, of one VM or of some kinds", async () => {
  using ofVm = await open(`?vm=${otherVm.replaceAll("-", "").toUpperCase()}`);
  using ofKinds = await open("?kinds=claim-ended,node-departed");
  await api.claim();
  await api.continueClaim();
  api.agent.noteDomain({ kind: "started", vmUuid: otherVm });
  api.agent.tick();
  const [, started] = await reads(ofVm, "connected", "vm-started");
  expect(started?.data).toMatchObject({ vmUuid: otherVm });
  const [, ended] = await reads(ofKinds, "connected", "claim-ended");
  expect(ended?.data).toMatchObject({ vmUuid: vm });
});

test("a stop of a VM that is claimed does not read as one, on the wire as well", async () => {
  api.observer.show(shutOff);
  using connection = await open("?kinds=vm-stopped");
  api.agent.noteDomain({ kind: "stopped", vmUuid: vm, cause: "destroyed" });
  await reads(connection, "connected", "vm-stopped");
  await api.claim();
  using again = await open("?kinds=vm-stopped&after=0");
  await reads(again, "connected", "stop-withheld");
  expect(again.received).not.toMatch(/Stopped|destroyed|vm-stopped/);
});

test("a sign of life says how far it has got", async () => {
  using connection = await open("?kinds=node-departed");
  await api.claim();
  const { storeId } = api.agent.run;
  await vi.waitFor(() => expect(connection.received).toContain(": alive\n"));
  await vi.waitFor(() => expect(blocksOf(connection).at(-1)).toEqual({ id: `${storeId}:3` }));
  expect(kindsOf(connection)).toEqual(["connected"]);
});

test("is cut with a reason when the agent stops, and the connection ends", async () => {
  using connection = await open();
  await reads(connection, "connected");
  api.agent.watchers.release();
  await connection.ended;
  const told = eventsOf(connection).at(-1);
  expect(told).toMatchObject({ event: "cut", data: { reason: "stopping" } });
});

test("who goes away is no longer counted", async () => {
  const connection = await open();
  await vi.waitFor(() => expect(api.agent.watchers.status.eventConsumers).toBe(1));
  connection[Symbol.dispose]();
  await vi.waitFor(() => expect(api.agent.watchers.status.eventConsumers).toBe(0));
});

test("who does not read is cut, others are not, and little is kept for them", async () => {
  await using patient = await ServedFolder.make({ heartbeatMs: 250 });
  await patient.socket();
  ({ api } = patient);
  using slow = await open("", patient);
  using quick = await open("", patient);
  await reads(quick, "connected");
  slow.socket.pause();
  const detail = "z".repeat(20_000);
  let sent = 0;
  const write = setInterval(() => {
    sent += 1;
    api.agent.noteLibvirt({ up: false, code: "closed", detail });
    api.agent.tick();
  }, 5);
  try {
    const counts = () => api.agent.watchers.status;
    await vi.waitFor(() => expect(counts().eventConsumersCutTotal).toBe(1), { timeout: 8_000 });
    await vi.waitFor(() => expect(counts().eventConsumers).toBe(1), { timeout: 8_000 });
    expect(counts().eventConsumersCutTotal).toBe(1);
  } finally {
    clearInterval(write);
  }
  slow.socket.resume();
  await slow.ended;
  // The kernel's buffers and one of ours; what else there was is not kept.
  expect(slow.received.length).toBeLessThan(2_000_000);
  const told = () => quick.received.split("event: libvirt-down").length - 1;
  await vi.waitFor(() => expect(told()).toBe(sent), { timeout: 8_000 });
}, 20_000);

describe("a stream is refused", () => {
  test.each([
    ["?kinds=nothing", "/kinds"],
    ["?vm=7", "/vm"],
    ["?after=-1", "/after"],
    ["?after=a:b:3", "/after"],
    ["?since=3", "/since"],
  ])("with %s", async (query, field) => {
    const { status, body } = await api.send({ url: `/v1/events${query}` });
    expect({ status, body }).toMatchObject({ status: 400, body: { field, in: "query" } });
  });

  test("with a Last-Event-ID that is none", async () => {
    const headers = { "last-event-id": "seven" };
    const { status } = await api.send({ url: "/v1/events", headers });
    expect(status).toBe(400);
  });

  test("when as many as may be follow already", async () => {
    vi.spyOn(api.agent.watchers.events, "admits").mockReturnValue(false);
    const { status, body } = await api.send({ url: "/v1/events" });
    const type = "urn:vmsyncd:problem:too-many-event-consumers";
    expect({ status, body }).toMatchObject({ status: 503, body: { type } });
    vi.restoreAllMocks();
  });

  test("where only its head is asked for", async () => {
    const { statusCode } = await api.app.inject({ method: "HEAD", url: "/v1/events" });
    expect(statusCode).toBe(404);
  });
});
