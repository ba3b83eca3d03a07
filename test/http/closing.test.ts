import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { node } from "./api.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

// Node keeps an idle connection for 5 s and a silent one for 60 s: close() must wait for neither.
const closeMsMax = 1_000;

let folder: ServedFolder;
beforeEach(async () => {
  folder = await ServedFolder.make();
});
afterEach(() => folder[Symbol.asyncDispose]());

const open = () => RawConnection.open({ path: folder.file() });

async function timed(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

/** A connection with a report in flight that ends when the observer is released. */
async function inFlight(headers: readonly string[] = []): Promise<RawConnection> {
  const connection = await open();
  const begun = folder.api.observer.hold();
  const lines = ["GET /v1/report HTTP/1.1", "host: h", ...headers, "", ""];
  connection.write(...lines);
  await begun;
  return connection;
}

describe("close()", () => {
  test("answers what is in flight, removes the socket and ends the connection", async () => {
    const listener = await folder.socket();
    using connection = await inFlight(["connection: keep-alive"]);
    const closing = timed(listener.close());
    expect(existsSync(folder.file())).toBe(false);
    expect(connection.received).toBe("");
    folder.api.observer.release();
    expect(await closing).toBeLessThan(closeMsMax);
    await connection.ended;
    const { status, head } = connection.answer("GET", "/v1/report");
    expect(status).toBe(200);
    expect(head).toMatch(/^connection: close$/im);
  });

  test("does not wait for a connection that was answered and is kept alive", async () => {
    const listener = await folder.socket();
    using connection = await open();
    connection.get("/v1/claims");
    await expect.poll(() => connection.received).toContain("skipRevision");
    expect(await timed(listener.close())).toBeLessThan(closeMsMax);
    await connection.ended;
  });

  test("does not wait for a connection that has never asked", async () => {
    const listener = await folder.socket();
    using connection = await open();
    using half = await open();
    half.write("GET /v1/claims HTTP/1.1", "host: h", "");
    expect(await timed(listener.close())).toBeLessThan(closeMsMax);
    await Promise.all([connection.ended, half.ended]);
  });

  test("cuts what is not answered within its limit", async () => {
    const limits = { closeMs: 100 };
    const listener = await folder.socket("vmsyncd.sock", limits);
    using connection = await inFlight();
    expect(await timed(listener.close())).toBeLessThan(closeMsMax);
    await connection.ended;
    expect(connection.received).toBe("");
  });

  test("cuts a body that never comes", async () => {
    const listener = await folder.socket("vmsyncd.sock", { closeMs: 100 });
    using connection = await open();
    const head = ["POST /v1/sync HTTP/1.1", "host: h", "content-type: application/json"];
    connection.write(...head, "content-length: 1000", "", "{");
    await expect.poll(() => connection.socket.bytesWritten).toBeGreaterThan(0);
    expect(await timed(listener.close())).toBeLessThan(closeMsMax);
  });

  test("twice is no error", async () => {
    const listener = await folder.socket();
    await listener.close();
    expect(await timed(listener.close())).toBeLessThan(closeMsMax);
  });
});

describe("over a real socket", () => {
  test("a chunked body over 4 MiB is refused, and nothing of it applied", async () => {
    await folder.socket();
    using connection = await open();
    const before = folder.api.state();
    const head = ["POST /v1/sync HTTP/1.1", "host: h", "content-type: application/json"];
    connection.write(...head, "transfer-encoding: chunked", "", "");
    const start = JSON.stringify({ managementNode: node(), skipList: [] });
    connection.write(start.length.toString(16), start, "");
    const chunk = ["10000", " ".repeat(0x10000), ""];
    for (let sent = 0; sent <= 64; sent += 1) connection.write(...chunk);
    await expect.poll(() => connection.received).toContain("body-too-large");
    expect(connection.answer("POST", "/v1/sync").status).toBe(413);
    expect(folder.api.state()).toEqual(before);
  });

  test("a declared body over 4 MiB is refused before it is sent", async () => {
    await folder.socket();
    using connection = await open();
    const head = ["POST /v1/sync HTTP/1.1", "host: h", "content-type: application/json"];
    connection.write(...head, `content-length: ${4 * 1024 * 1024 + 1}`, "", "{");
    await expect.poll(() => connection.received).toContain("body-too-large");
    expect(connection.answer("POST", "/v1/sync").status).toBe(413);
  });

  test("a chunked body in small pieces is applied", async () => {
    await folder.socket();
    using connection = await open();
    const head = ["POST /v1/sync HTTP/1.1", "host: h", "content-type: application/json"];
    connection.write(...head, "transfer-encoding: chunked", "", "");
    const text = JSON.stringify({ managementNode: node(), skipList: [] });
    for (const character of text) connection.write("1", character, "");
    connection.write("0", "", "");
    await expect.poll(() => connection.received).toContain("absentMeans");
    expect(connection.answer("POST", "/v1/sync").status).toBe(200);
  });

  test.each([
    ["what is no HTTP", ["SSH-2.0-OpenSSH_9.2", ""], /it is not HTTP/],
    ["no host", ["GET /v1/claims HTTP/1.1", "", ""], undefined],
    ["two lengths", ["POST /v1/sync HTTP/1.1", "host: h", "content-length: 1"], undefined],
    ["a head of 20 KiB", ["GET / HTTP/1.1", `x: ${"a".repeat(20_480)}`, "", ""], /it is not HTTP/],
  ])("%s is refused as a problem, and the connection ended", async (title, lines, detail) => {
    await folder.socket();
    using connection = await open();
    const more = title === "two lengths" ? ["content-length: 2", "", ""] : [];
    connection.write(...lines, ...more);
    await connection.ended;
    expect(connection.received).toMatch(/^HTTP\/1\.1 4\d\d /);
    if (detail === undefined) return;
    const { body } = connection.answer("GET", "/");
    expect((body as { detail: string }).detail).toMatch(detail);
  });

  test("bytes that are no HTTP do not break into an answer that is under way", async () => {
    await folder.socket();
    using connection = await inFlight();
    connection.write("no HTTP at all", "", "");
    await connection.ended;
    expect(connection.received).toBe("");
  });
});
