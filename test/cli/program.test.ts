import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { Program, run } from "../daemon/program.ts";
import { SimulatedHost } from "../daemon/simulated-host.ts";
import { vmsyncctl } from "./recorded-terminal.ts";

const program = "bin/vmsyncctl.mjs";
/** For tests that wait for processes to start, on a machine that does much else. */
const timeout = 40_000;

let host: SimulatedHost;
beforeAll(async () => {
  host = await SimulatedHost.withDaemon();
});
afterAll(() => host[Symbol.asyncDispose]());

describe("--help", { timeout }, () => {
  afterEach(() => vi.restoreAllMocks());

  test.each([
    [["--help"], /status .*\n.*report .*\n.*claims /],
    [["status", "--help"], /Show how the agent/],
    [["report", "--help"], /Show what a management node would be told now/],
    [["claims", "--help"], /claims list +List the live claims/],
    [["claims", "list", "--help"], /List the live claims/],
    [["claims", "show", "--help"], /claims show <vm>/],
    [["claims", "add", "--help"], /--reason .*\[required\]/],
    [["claims", "continue", "--help"], /claims continue <vm> \[operation\][^]*--orphans/],
    [["nodes", "--help"], /nodes list [^]*nodes depart <id>/],
    [["nodes", "depart", "--help"], /--epoch/],
    [["history", "--help"], /history \[vm\][^]*--before/],
    [["amnesia", "end", "--help"], /--yes/],
    [["backup", "--help"], /backup <file>/],
    [["restore", "--help"], /restore <file>/],
  ])("%j names what there is, fits 80 columns and ends with 0", async (args, text) => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const { exitCode, error } = await vmsyncctl(args, 80);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    const page = log.mock.calls.flat().join("\n");
    expect(page).toMatch(text);
    expect(page).toMatch(/--socket/);
    for (const line of page.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("goes to standard output, names the exit codes and fits 80 columns", async () => {
    const { code, out, error } = await run(program, ["--help"]);
    expect({ code, error }).toEqual({ code: 0, error: "" });
    for (const one of ["0 answered", "1 failed", "2 wrong usage", "69", "77", "78"])
      expect(out).toContain(one);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});

test.each([["--version"], ["status", "--version"]])("%s %s names the version", async (...args) => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const { exitCode, error } = await vmsyncctl(args);
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
  expect(log.mock.calls.flat().join("\n")).toMatch(/^vmsyncctl \d+\.\d+\.\d+$/);
  log.mockRestore();
});

test.concurrent("as a process it says the same: output, one sentence, exit code", {
  timeout,
}, async () => {
  const variables = { VMSYNCD_HTTP_SOCKET: host.socketPath };
  const ok = await run(program, ["claims", "list"], { environment: variables });
  expect(ok).toEqual({
    code: 0,
    signal: null,
    out: "No claim lives: every VM is judged.\n",
    error: "",
  });
  const usage = await run(program, ["reprot"]);
  expect(usage).toMatchObject({
    code: 2,
    out: "",
    error: /^cannot run .*did you mean 'report'.*\n$/,
  });
});

test.concurrent("a reader that has had enough is no failure", { timeout }, async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using report = Program.node(program, ["report", "--socket", host.socketPath]);
  report.child.stdout?.destroy();
  report.child.stdout?.once("close", () => resolve());
  await promise;
  const { code } = await report.ended;
  expect({ code, error: report.error }).toEqual({ code: 0, error: "" });
});

test.concurrent("output that cannot be written is a failure with one sentence", {
  timeout,
}, async () => {
  const full = openSync("/dev/full", "w");
  try {
    const args = ["report", "--socket", host.socketPath];
    const { code, error } = await run(program, args, { stdout: full });
    expect(code).toBe(1);
    expect(error).toMatch(/^cannot write the output: ENOSPC.*\n$/);
  } finally {
    closeSync(full);
  }
});

const hasScript = spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!hasScript).concurrent("on a terminal of its own", { timeout }, () => {
  const uuid = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

  /** The lines of the one VM, as the report shows it on a new terminal of so many columns. */
  const onTerminal = async (columns: number): Promise<string[]> => {
    const report = `${process.execPath} ${program} report --socket ${host.socketPath}`;
    const command = `stty cols ${columns} && exec ${report}`;
    await using script = new Program("script", ["-qec", command, "/dev/null"]);
    const { out } = await script.ended;
    const lines = out.split("\r\n");
    return lines.slice(lines.findIndex((line) => line.includes(uuid))).filter((line) => line);
  };
  beforeAll(async () => {
    host.simulator.domains.define("n".repeat(90), uuid);
    await host.simulator.domains.start(uuid);
  });

  test("of 60 columns a row is a block of lines", async () => {
    const lines = await onTerminal(60);
    expect(lines).toEqual([`VM: ${uuid}`, "NAME:", `  ${"n".repeat(90)}`, "STATE: Running"]);
  });

  test("standard error is wrapped as well", async () => {
    const report = `${process.execPath} ${program} report --socket /nonexistent/none.sock`;
    await using script = new Program("script", [
      "-qec",
      `stty cols 40 && exec ${report}`,
      "/dev/null",
    ]);
    expect((await script.ended).out.split("\r\n")[0]).toBe("cannot reach vmsyncd at");
  });

  test("that says 0 columns, as one without a size does, nothing is cut", async () => {
    expect(await onTerminal(0)).toEqual([`${uuid}  ${"n".repeat(90)}  Running`]);
  });
});
