import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Folder } from "../daemon/simulated-host.ts";
import { Program } from "../daemon/program.ts";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

/** Runs until so many lines are there, and presses Ctrl-C then. */
async function told(lines: number, ...argv: readonly string[]) {
  const controller = new AbortController();
  let left = lines;
  const onOut = (): void => {
    left -= 1;
    if (left === 0) controller.abort();
  };
  return await vmsyncctl(["events", ...argv], undefined, undefined, controller.signal, onOut);
}

const withoutTime = (line: string): string => line.replace(/^\d{4}-\S+Z {2}/, "");

describe("events", () => {
  let agent: ServedAgent;
  beforeEach(async () => {
    agent = await ServedAgent.start();
  });
  afterEach(() => agent[Symbol.asyncDispose]());

  test("are told in sentences until Ctrl-C, which is no failure", async () => {
    await agent.claim(vm, "start-7");
    const { exitCode, out, error } = await told(2, "--after", "1");
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    expect(out).toEqual([
      expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}mn-1 was heard for the first/),
      expect.stringContaining(`Z  mn-1 claimed ${vm} for operation start-7 (start)`),
    ]);
  });

  test("of one VM, and as they happen", async () => {
    const telling = told(1, "--vm", otherVm.toUpperCase(), "--kinds", "claim-made");
    await expect.poll(() => agent.api.agent.watchers.events.size).toBe(1);
    await agent.claim(vm, "start-7");
    await agent.claim(otherVm, "start-8");
    const { out } = await telling;
    expect(out.map(withoutTime)).toEqual([`mn-1 claimed ${otherVm} for operation start-8 (start)`]);
  });

  test("are one line of JSON each, with what to go on after", async () => {
    const { out } = await told(1, "--after", "0", "--json");
    const { storeId } = agent.api.agent.run;
    expect(out.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { event: "entry", position: `${storeId}:1`, data: { id: 1, kind: "agent-started" } },
    ]);
  });

  test("that are missing are said to be", async () => {
    const { out } = await told(1, "--after", "other:5");
    expect(out).toEqual([
      "Events are missing here (the store of vmsyncd is another one): see vmsyncctl report.",
    ]);
  });

  test.each([["seven"], ["-1"], ["a b:1"]])("--after %s is wrong usage", async (after) => {
    const { exitCode, error } = await told(1, `--after=${after}`);
    expect({ exitCode, error }).toMatchObject({ exitCode: 2, error: [/^cannot use --after/] });
  });

  test("a kind that there is not is a failure", async () => {
    const { exitCode, error } = await told(1, "--kinds", "nonsense");
    expect(exitCode).toBe(1);
    expect(error[0]).toContain("there is no kind 'nonsense'");
  });
});

test("an agent that is not there is not waited for", async () => {
  const { exitCode } = await told(1, "--socket", "/nonexistent/none.sock");
  expect(exitCode).toBe(69);
});

test("a connection that ends is made again, with the last id, and that is said once", async () => {
  using folder = new Folder();
  const asked: (string | undefined)[] = [];
  const entry = (id: number) => {
    const data = {
      id,
      at: "2030-01-01T00:00:00.000Z",
      kind: "libvirt-up",
      by: "agent",
      detail: "x",
    };
    return `id: s:${id}\nevent: libvirt-up\ndata: ${JSON.stringify(data)}\n\n`;
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    // The second attempt meets an agent that is just starting.
    if (asked.length === 2) response.destroy();
    else response.end(entry(asked.length));
  });
  const socket = folder.file("agent.sock");
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(socket, resolve);
  await promise;
  const { exitCode, out, error } = await told(2, "--socket", socket);
  server.closeAllConnections();
  server.close();
  expect({ exitCode, asked }).toEqual({ exitCode: 0, asked: [undefined, "s:1", "s:1"] });
  expect(out.map(withoutTime)).toEqual(["libvirt answers on x", "libvirt answers on x"]);
  expect(error).toEqual([expect.stringContaining("The events are cut off, and asked for again")]);
}, 15_000);

test("Ctrl-C ends the program with 0", async () => {
  await using agent = await ServedAgent.start();
  const socket = agent.folder.file("vmsyncd.sock");
  const args = ["events", "--after", "0", "--socket", socket];
  await using program = Program.node("bin/vmsyncctl.mjs", args, { isLeader: true });
  await vi.waitFor(() => expect(program.out).toContain("vmsyncd started"), { timeout: 20_000 });
  program.interrupt();
  expect(await program.ended).toMatchObject({ code: 0, error: "" });
}, 40_000);
