import { chmodSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { httpAnswer, ScriptedAgent } from "../client/scripted-agent.ts";
import { run } from "../daemon/program.ts";
import { Folder, SimulatedHost } from "../daemon/simulated-host.ts";
import { vmsyncctl } from "./recorded-terminal.ts";

afterEach(() => vi.unstubAllEnvs());

/** How a command fails, which has to be in one sentence on standard error and nothing else. */
async function failureOf(argv: readonly string[]): Promise<{ exitCode: number; said: string }> {
  const { exitCode, out, error } = await vmsyncctl(argv);
  const [said = "", ...more] = error;
  if (out.length > 0 || more.length > 0 || said.includes("\n")) {
    throw new Error(`it said more than a sentence: ${JSON.stringify({ out, error })}`);
  }
  return { exitCode, said };
}

const failing = (exitCode: number, said: RegExp | string) => {
  return { exitCode, said: expect.stringMatching(said) as string };
};

const isRoot = process.getuid?.() === 0;
const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
/** Every command that asks the agent. */
const commands = [
  ["status"],
  ["report"],
  ["claims", "list"],
  ["claims", "show", vm],
  ["claims", "add", vm, "--reason", "r"],
  ["claims", "continue", vm],
  ["claims", "continue", vm, "op"],
  ["nodes", "list"],
  ["nodes", "depart", "mn-1"],
  ["history"],
  ["amnesia", "end", "--yes"],
];

// The store of this host, if it has one, is nothing to these tests.
beforeEach(() => void vi.stubEnv("VMSYNCD_STORE_FOLDER", "/nonexistent"));

test.each(commands)("%s without a daemon ends with 69", async (...argv) => {
  using folder = new Folder();
  const socket = folder.file("none.sock");
  const sentence = `cannot reach vmsyncd at ${socket}: there is no such socket; is it running`;
  expect(await failureOf([...argv, "--socket", socket])).toEqual(failing(69, sentence));
  expect(await failureOf([...argv, "--socket", socket, "--json"])).toEqual(failing(69, sentence));
});

test.each(commands)("%s where something else answers ends with 69", async (...argv) => {
  await using agent = await new ScriptedAgent(httpAnswer(200, "{}")).listen();
  expect(await failureOf([...argv, "--socket", agent.socketPath])).toEqual(
    failing(69, /^cannot understand the answer/),
  );
});

test.each(commands)("%s that the agent refuses ends with 1 and its sentence", async (...argv) => {
  const problem = {
    type: "urn:vmsyncd:problem:internal-error",
    title: "The agent failed",
    status: 500,
    detail: "cannot answer: the agent\u001b[2J failed\nand more",
  };
  await using agent = await new ScriptedAgent(httpAnswer(500, JSON.stringify(problem))).listen();
  const failure = await failureOf([...argv, "--socket", agent.socketPath]);
  expect(failure).toEqual({
    exitCode: 1,
    said: "cannot answer: the agent\ufffd[2J failed\ufffdand more",
  });
});

test("a failure is wrapped between words on a terminal", async () => {
  const { error } = await vmsyncctl(["status", "--socket", "/nonexistent/none.sock"], 40);
  expect(error).toEqual([
    "cannot reach vmsyncd at",
    "/nonexistent/none.sock: there is no such",
    "socket; is it running, and is this its",
    "address?",
  ]);
});

describe("wrong usage ends with 2", () => {
  test.each([
    [[], /^cannot run vmsyncctl: name a command; --help lists them$/],
    [["reprot"], /there is no command 'reprot', did you mean 'report'\?; see --help$/],
    [["stat"], /did you mean 'status'/],
    [["bogus-command"], /^cannot run vmsyncctl: there is no command 'bogus-command'; see --help$/],
    [["bogus-command", "x"], /^cannot run vmsyncctl: there is no command 'bogus-command'; see/],
    [["clams", "list"], /there is no command 'clams', did you mean 'claims'\?; see --help$/],
    [["--socket", "/x", "--json", "reprot"], /there is no command 'reprot', did you mean 'report'/],
    [["claims", "bogus-one", "x"], /^cannot run claims: there is no command 'bogus-one'; see/],
    [["claims", "--node", "list", "lst"], /^cannot run claims: there is no command 'lst', did you/],
    [["claims"], /^cannot run claims: name one of its commands; --help lists them$/],
    [["claims", "lst"], /did you mean 'list'/],
    [["report", "extra"], /Unknown argument: extra; see --help$/],
    [["claims", "list", "extra"], /Unknown argument: extra; see --help$/],
    [["report", "--sokcet", "/x"], /Unknown arguments?: sokcet/],
    [["report", "-x"], /Unknown argument: x; see --help$/],
    [["report", "--socket"], /Not enough arguments following: socket; see --help$/],
    [["report", "--url"], /Not enough arguments following: url; see --help$/],
    [["report", "--socket="], /^cannot use --socket: it is empty$/],
    [["report", "--socket", "/a", "--socket", "/b"], /^cannot use --socket: it is given more than/],
    [["report", "--url", "http://a", "--url", "http://b"], /^cannot use --url: it is given more/],
    [["report", "--socket", "/a", "--url", "http://b"], /socket and url are mutually exclusive/],
    [["report", "--url", "ftp://x"], /^cannot use --url ftp:\/\/x: expected http:\/\/HOST:PORT$/],
    [["report", "--url", "https://x"], /^cannot use --url https:\/\/x: expected http/],
    [["report", "--url", "127.0.0.1:7171"], /^cannot use --url 127.0.0.1:7171: expected http/],
    [["claims", "show"], /^cannot run claims show: <vm> is missing; see --help$/],
    [["claims", "show", "web-7"], /^cannot use VM web-7: expected a VM uuid, dashed or as 32 hex/],
    [["claims", "show", `${vm}0`], /^cannot use VM .*: expected a VM uuid/],
    [["claims", "show", vm, vm], /Unknown argument: 7e6b7c2a/],
    [["claims", "list", "--vm", "7"], /^cannot use --vm 7: expected a VM uuid/],
    [["claims", "list", "--vm", vm, "--vm", vm], /^cannot use --vm: it is given more than once$/],
    [["claims", "list", "--node="], /^cannot use --node: it is empty$/],
    [["claims", "list", "--node", "n".repeat(65)], /^cannot use --node n+: expected an id of 1 to/],
    [
      ["claims", "list", "--node", "a\nb"],
      /^cannot use --node a\ufffdb: expected an id of 1 to 64/,
    ],
    [["claims", "list", "--node", ".."], /^cannot use --node \.\.: expected an id/],
    [["claims", "add", vm], /^cannot run vmsyncctl: --reason is missing; see --help$/],
    [["claims", "add", vm, "--reason", ""], /^cannot use --reason: it is empty$/],
    [["claims", "add", vm, "--reason", "a\nb"], /^cannot use --reason: it has control characters$/],
    [["claims", "add", vm, "--reason", "a\u001b[2J"], /^cannot use --reason: it has control chara/],
    [["claims", "add", vm, "--reason", "r".repeat(257)], /^cannot use --reason: it has more than/],
    ...["0", "-1", "86401", "1.5", "1e2", "ten", "0x10", "010"].map((ttl): [string[], RegExp] => [
      ["claims", "add", vm, "--reason", "r", `--ttl=${ttl}`],
      /^cannot use --ttl .*: expected a whole number from 1 to 86400$/,
    ]),
    [["claims", "add", vm, "--reason", "r", "--operation", "."], /^cannot use --operation \.: exp/],
    [["claims", "continue"], /^cannot run claims continue: <vm> is missing; see --help$/],
    [["claims", "continue", vm, "--owner", "mn-1"], /^cannot use --owner: it goes with an operat/],
    [["claims", "continue", vm, "op", "--orphans"], /^cannot use --orphans: it goes without an/],
    [["nodes"], /^cannot run nodes: name one of its commands; --help lists them$/],
    [["nodes", "depart"], /^cannot run nodes depart: <id> is missing; see --help$/],
    [["nodes", "depart", "mn-1", "--epoch", "-1"], /^cannot use --epoch -1: expected a whole num/],
    [["history", "web-7"], /^cannot use VM web-7: expected a VM uuid/],
    [["history", "--limit", "0"], /^cannot use --limit 0: expected a whole number from 1 to 1000$/],
    [["history", "--limit", "1001"], /^cannot use --limit 1001: expected/],
    [["history", "--before", "x"], /^cannot use --before x: expected a whole number/],
    [["amnesia"], /^cannot run amnesia: name one of its commands/],
    [["backup"], /^cannot run backup: <file> is missing; see --help$/],
    [["restore", ""], /^cannot use FILE: it is empty$/],
    [["claims", "list", "--folder", "store"], /^cannot use --folder store: expected an absolute/],
    [["report", "--url", "x\u001b[2J"], /^cannot use --url x\ufffd\[2J: expected http/],
  ])("%j", async (argv, said) => {
    expect(await failureOf(argv)).toEqual(failing(2, said));
  });

  test.each(["de_DE.UTF-8", "zh_CN.UTF-8", "fr_FR"])("and speaks English in %s", async (locale) => {
    vi.stubEnv("LC_ALL", locale);
    vi.stubEnv("LANG", locale);
    expect(await failureOf(["reprot"])).toEqual(
      failing(2, /there is no command 'reprot', did you mean 'report'/),
    );
    expect(await failureOf(["bogus-command"])).toEqual(
      failing(2, /there is no command 'bogus-command'/),
    );
  });
});

test.each([
  ["relative.sock", /expected an absolute path, found the string 'relative.sock'/],
  ["", /expected an absolute path/],
  [`/${"x".repeat(108)}`, /a unix socket's path has at most 107 bytes/],
])("VMSYNCD_HTTP_SOCKET=%j ends with 78", async (value, reason) => {
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", value);
  const place = /^cannot read configuration: environment variable VMSYNCD_HTTP_SOCKET: /;
  expect(await failureOf(["status"])).toEqual(failing(78, place));
  expect(await failureOf(["status"])).toEqual(failing(78, reason));
});

test("a bad VMSYNCD_HTTP_SOCKET does not matter where --socket or --url say another", async () => {
  await using host = await SimulatedHost.withDaemon();
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", "relative.sock");
  expect((await vmsyncctl(["status", "--socket", host.socketPath])).exitCode).toBe(0);
});

test.skipIf(!isRoot)("a user who may not use the socket gets 77", { timeout: 40_000 }, async () => {
  await using host = await SimulatedHost.withDaemon();
  const nobody = 65_534;
  const args = ["status", "--socket", host.socketPath];
  const ending = await run("bin/vmsyncctl.mjs", args, { uid: nobody });
  expect(ending).toEqual({
    code: 77,
    signal: null,
    out: "",
    error:
      `cannot reach vmsyncd at ${host.socketPath}: permission denied; ` +
      "run it as root or as a member of the socket's group\n",
  });
  chmodSync(host.socketPath, 0o666);
  expect((await run("bin/vmsyncctl.mjs", args, { uid: nobody })).code).toBe(0);
});
