import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { AgentUnreachableError } from "../../src/client/errors.ts";
import { Program, root } from "../daemon/program.ts";
import { Folder } from "../daemon/simulated-host.ts";
import { httpAnswer, ScriptedAgent } from "./scripted-agent.ts";

async function failure(client: VmsyncdClient): Promise<AgentUnreachableError> {
  const error: unknown = await client.status().catch((thrown: unknown) => thrown);
  if (!(error instanceof AgentUnreachableError))
    throw new Error("it did not fail", { cause: error });
  return error;
}

test("no socket there: not-running", async () => {
  using folder = new Folder();
  const socketPath = folder.file("none.sock");
  await using client = new VmsyncdClient({ socketPath });
  const { code, message } = await failure(client);
  expect(code).toBe("not-running");
  expect(message).toBe(
    `cannot reach vmsyncd at ${socketPath}: there is no such socket; ` +
      "is it running, and is this its address?",
  );
});

test("a socket path that is a file: not-running", async () => {
  using folder = new Folder();
  writeFileSync(folder.file("file"), "");
  await using client = new VmsyncdClient({ socketPath: folder.file("file") });
  expect(await failure(client)).toMatchObject({ code: "not-running", message: /nothing listens/ });
});

test("a TCP port that nobody listens on: not-running", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await expect.poll(() => server.listening).toBe(true);
  const { port } = server.address() as { port: number };
  server.close();
  await using client = new VmsyncdClient({ origin: `http://127.0.0.1:${port}` });
  expect(await failure(client)).toMatchObject({ code: "not-running", message: /nothing listens/ });
});

test.skipIf(process.getuid?.() !== 0)(
  "a socket that this user may not use: permission-denied",
  { timeout: 40_000 },
  async () => {
    await using agent = await new ScriptedAgent(undefined).listen();
    chmodSync(agent.socketPath, 0o660);
    const script = `
      import { VmsyncdClient } from "${root}/src/client/client.ts";
      const client = new VmsyncdClient({ socketPath: "${agent.socketPath}" });
      await client.status().catch(({ code, message }) => console.log(code + ": " + message));`;
    const nobody = 65_534;
    const args = ["--input-type=module", "-e", script];
    await using program = new Program(process.execPath, args, { uid: nobody });
    expect((await program.ended).out).toBe(
      `permission-denied: cannot reach vmsyncd at ${agent.socketPath}: permission denied; ` +
        "run it as root or as a member of the socket's group\n",
    );
    expect(agent.connections).toBe(0);
  },
);

test("an agent that hangs: timeout, soon after the limit, and the client can be closed", async () => {
  await using agent = await new ScriptedAgent(undefined).listen();
  const startedAt = performance.now();
  {
    await using client = new VmsyncdClient({ socketPath: agent.socketPath }, { limitMs: 150 });
    const { code, message } = await failure(client);
    expect(code).toBe("timeout");
    expect(message).toMatch(/no answer within 150 ms/);
  }
  const spentMs = performance.now() - startedAt;
  expect(spentMs).toBeGreaterThanOrEqual(145);
  expect(spentMs).toBeLessThan(2_000);
});

test("an agent that hangs in the middle of its answer: timeout", async () => {
  const agent = createServer((socket) => {
    socket.on("error", () => {});
    // Unless it is read, its end is never seen.
    socket.resume();
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
  });
  using folder = new Folder();
  const socketPath = folder.file("agent.sock");
  agent.listen(socketPath);
  await using client = new VmsyncdClient({ socketPath }, { limitMs: 150 });
  expect((await failure(client)).code).toBe("timeout");
  agent.close();
});

test("an agent that closes the connection unanswered: not-running", async () => {
  await using agent = await new ScriptedAgent("").listen();
  await using client = new VmsyncdClient({ socketPath: agent.socketPath });
  expect((await failure(client)).code).toBe("not-running");
});

const status = {
  host: { id: "h", bootId: "b" },
  agent: { version: "1", startedAt: "2026-01-01T00:00:00Z", storeId: "s", epoch: 1 },
  libvirt: {
    up: true,
    since: "2026-01-01T00:00:00Z",
    bulkCalls: 0,
    domainEvents: 0,
    abandonedCalls: 0,
    abandonedCallsTotal: 0,
  },
  skipRevision: 0,
  claims: { active: 0, orphaned: 0, stale: 0 },
  instanceConflicts: 0,
  store: { writable: true },
  managementNodes: [],
};

describe("an answer that is not this API's: bad-answer", () => {
  test.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", /it is not HTTP/],
    ["a web page", httpAnswer(200, "<html>"), /status 200 and a body that is not JSON/],
    ["nothing in the body", httpAnswer(200, ""), /status 200 and a body that is not JSON/],
    ["a redirect", httpAnswer(302, ""), /status 302/],
    ["another service's error", httpAnswer(404, '{"error":"x"}'), /GET \/v1\/status/],
    ["an empty object", httpAnswer(200, "{}"), /answer must have required property 'host'/],
    ["null", httpAnswer(200, "null"), /answer must be object/],
    [
      "a field of another type",
      httpAnswer(200, JSON.stringify({ ...status, skipRevision: "0" })),
      /skipRevision must be integer/,
    ],
  ])("%s", async (_title, answer, message) => {
    await using agent = await new ScriptedAgent(answer).listen();
    await using client = new VmsyncdClient({ socketPath: agent.socketPath });
    const error = await failure(client);
    expect(error.code).toBe("bad-answer");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^cannot understand the answer of .*; is it a vmsyncd of this/);
  });

  test("and the same answer, unspoilt, is understood", async () => {
    await using agent = await new ScriptedAgent(httpAnswer(200, JSON.stringify(status))).listen();
    await using client = new VmsyncdClient({ socketPath: agent.socketPath });
    expect(await client.status()).toEqual(status);
  });
});
