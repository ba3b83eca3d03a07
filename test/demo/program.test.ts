import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { Program, root } from "../daemon/program.ts";
import { Folder } from "../daemon/simulated-host.ts";

const poll = { timeout: 20_000, interval: 10 };
const program = "src/demo/main.ts";
/** For tests that wait for processes to start, on a machine that does much else. */
const timeout = 60_000;

/** The demo in a temporary folder of its own. */
function demo(tmp: Folder, ...args: string[]): Program {
  return Program.node(program, args, { environment: { TMPDIR: tmp.path } });
}

function socketOf({ out }: Program): string {
  return /VMSYNCD_HTTP_SOCKET=(\S+)/.exec(out)?.[1] ?? "";
}

/** What `npm start` runs, without the npm and the shell around it. */
function npmStart(tmp: Folder): Program {
  const text = readFileSync(path.join(root, "package.json"), "utf8");
  const { scripts } = JSON.parse(text) as { scripts: { start: string } };
  const [, ...args] = scripts.start.replace(/^exec /, "").split(" ");
  return new Program(process.execPath, args, {
    environment: { TMPDIR: tmp.path },
    isLeader: true,
  });
}

test.concurrent("npm start tells the story, stays up, and ends on Ctrl-C with 0 and nothing left", {
  timeout: 30_000,
}, async () => {
  using tmp = new Folder();
  await using npm = npmStart(tmp);
  await vi.waitFor(() => expect(npm.out).toContain("Ctrl-C ends it."), poll);
  const numbered = [...npm.out.matchAll(/^ {2}(\d) \S/gm)].map(([, number]) => Number(number));
  expect(numbered).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(npm.out.indexOf("web-7 Stopped.")).toBeLessThan(npm.out.indexOf("The agent stays up"));
  await using client = new VmsyncdClient({ socketPath: socketOf(npm) });
  expect((await client.report()).host.id).toBe("demo-host");
  npm.interrupt();
  const { code, signal, out, error } = await npm.ended;
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(out).toMatch(/\nStopping\.\n$/);
  expect(error).toBe("");
  expect(readdirSync(tmp.path)).toEqual([]);
});

test.concurrent("a signal early in the start, and another one later, leave nothing behind", {
  timeout: 30_000,
}, async () => {
  using tmp = new Folder();
  await using early = demo(tmp);
  // The folder is the first thing that is there to be left behind.
  await vi.waitFor(() => expect(readdirSync(tmp.path).length).toBe(1), { ...poll, interval: 1 });
  early.child.kill("SIGTERM");
  await vi.waitFor(() => expect(early.out).toMatch(/^ {2}1 /m), poll);
  early.child.kill("SIGTERM");
  expect(await early.ended).toMatchObject({ code: 0, signal: null, error: "" });
  expect(readdirSync(tmp.path)).toEqual([]);
});

describe("a wrong argument is one sentence, ends with 1 and leaves nothing", { timeout }, () => {
  test.concurrent.each([
    [["--bogus"], /^cannot start the demo: expected --libvirt PATH_OF_SOCKET; see --help\n$/],
    [["--libvirt"], /^cannot read configuration: --libvirt-socket: needs a value\n$/],
  ])("%j", async (args, sentence) => {
    using tmp = new Folder();
    await using wrong = demo(tmp, ...args);
    const { code, out, error } = await wrong.ended;
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(sentence);
    expect(error.trimEnd()).not.toContain("\n");
    expect(readdirSync(tmp.path)).toEqual([]);
  });
});

test.concurrent("--help says how it is called, and starts nothing", {
  timeout: 30_000,
}, async () => {
  using tmp = new Folder();
  await using help = demo(tmp, "--help");
  const { code, out, error } = await help.ended;
  expect({ code, error }).toEqual({ code: 0, error: "" });
  expect(out).toMatch(/^Usage: npm start/);
});

test.concurrent("--libvirt with a socket that is absent starts all the same, and status says why", {
  timeout: 30_000,
}, async () => {
  using tmp = new Folder();
  const absent = tmp.file("libvirt-sock-ro");
  await using real = demo(tmp, "--libvirt", absent);
  await vi.waitFor(() => expect(real.out).toContain("Ctrl-C ends it."), poll);
  expect(real.out).toContain("The agent stays up on your libvirt");
  await using client = new VmsyncdClient({ socketPath: socketOf(real) });
  const { libvirt } = await client.status();
  expect(libvirt).toMatchObject({ up: false, code: "no-socket" });
  expect(libvirt.detail).toBe(`cannot connect to ${absent}: no such socket; is libvirt running?`);
  expect(await client.report()).toMatchObject({ absentMeans: "unknown" });
  real.child.kill("SIGINT");
  expect(await real.ended).toMatchObject({ code: 0, signal: null });
  expect(readdirSync(tmp.path)).toEqual([]);
});
