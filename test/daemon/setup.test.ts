import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findOlderNode } from "./older-node.ts";
import { type Ending, Program, root } from "./program.ts";
import { Folder } from "./simulated-host.ts";

// A checkout of nothing but the launcher, with an npm that notes how it was called.

let checkout: Folder;
beforeEach(() => {
  checkout = new Folder();
  for (const name of ["bin", "path", "src"]) mkdirSync(checkout.file(name));
  copyFileSync(path.join(root, "bin/setup.mjs"), checkout.file("bin/setup.mjs"));
  checkout.write("package-lock.json", "{}");
  checkout.write("package.json", '{ "type": "module" }');
  fakeNpm("mkdir -p node_modules && touch node_modules/.package-lock.json");
});
afterEach(() => checkout[Symbol.dispose]());

function executable(name: string, text: string): void {
  writeFileSync(checkout.file(name), `#!/bin/sh\n${text}\n`);
  chmodSync(checkout.file(name), 0o755);
}

/** @param effect what it does besides noting its folder and its arguments */
function fakeNpm(effect: string): void {
  executable("path/npm", `echo "$PWD: $*" >> "${checkout.file("npm.log")}"\n${effect}`);
}

/** node_modules as npm leaves it, so much younger than the lock file (or, negative, older). */
function installed(youngerSeconds: number): void {
  mkdirSync(checkout.file("node_modules/.bin"), { recursive: true });
  const lockedAt = new Date("2026-01-01T00:00:00Z");
  const installedAt = new Date(lockedAt.getTime() + youngerSeconds * 1000);
  utimesSync(checkout.file("package-lock.json"), lockedAt, lockedAt);
  checkout.write("node_modules/.package-lock.json", "{}");
  utimesSync(checkout.file("node_modules/.package-lock.json"), installedAt, installedAt);
}

function npmCalls(): string[] {
  if (!existsSync(checkout.file("npm.log"))) return [];
  return readFileSync(checkout.file("npm.log"), "utf8").trimEnd().split("\n");
}

function start(args: readonly string[], node = process.execPath, searchPath?: string): Program {
  const PATH = searchPath ?? `${checkout.file("path")}:/usr/bin:/bin`;
  const options = { cwd: "/", node, environment: { PATH } };
  return Program.node(checkout.file("bin/setup.mjs"), args, options);
}

async function setup(args: readonly string[] = [], node?: string, PATH?: string): Promise<Ending> {
  await using program = start(args, node, PATH);
  return await program.ended;
}

const install = () => [`${checkout.path}: ci --no-audit --no-fund --loglevel=error`];

describe("installs", { timeout: 40_000 }, () => {
  test("when nothing is installed, in the checkout, whatever the current folder", async () => {
    expect(await setup()).toMatchObject({ code: 0, out: "", error: /^installing/ });
    expect(npmCalls()).toEqual(install());
  });

  test("when what is installed is older than the lock file", async () => {
    installed(-1);
    expect((await setup()).code).toBe(0);
    expect(npmCalls()).toEqual(install());
  });

  test("when an installation was cut short", async () => {
    mkdirSync(checkout.file("node_modules"));
    await setup();
    expect(npmCalls()).toEqual(install());
  });

  test.each([0, 1])("nothing, silently, when it is %i s younger", async (seconds) => {
    installed(seconds);
    expect(await setup()).toEqual({ code: 0, signal: null, out: "", error: "" });
    expect(npmCalls()).toEqual([]);
  });

  test("and says so when that fails; then nothing is run", async () => {
    fakeNpm("exit 7");
    checkout.write("src/program.ts", 'console.log("ran");');
    const { code, out, error } = await setup(["src/program.ts"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(
      /\ncannot install the dependencies with npm ci: it ended with 7; .*run this again\n$/,
    );
  });

  test("and says so when there is no npm", async () => {
    const { code, error } = await setup([], undefined, checkout.file("nowhere"));
    expect(code).toBe(1);
    expect(error).toMatch(/\ncannot install the dependencies with npm ci: spawn npm ENOENT; .*\n$/);
  });
});

describe("runs a program", { timeout: 40_000 }, () => {
  beforeEach(() => installed(1));

  test("of the checkout, with its arguments as they are, and forwards its exit code", async () => {
    checkout.write(
      "src/program.ts",
      "console.log(JSON.stringify(process.argv.slice(2))); process.exit(42 as number);",
    );
    const args = ["--flag", "two words", "", "$HOME", "--"];
    const { code, out } = await setup(["src/program.ts", ...args]);
    expect(code).toBe(42);
    expect(JSON.parse(out)).toEqual(args);
  });

  test("on the Node that is pinned, where there is one", async () => {
    executable("node_modules/.bin/node", 'echo "pinned: $*"');
    const { code, out } = await setup(["src/program.ts", "x"]);
    expect({ code, out }).toEqual({
      code: 0,
      out: `pinned: ${checkout.file("src/program.ts")} x\n`,
    });
  });

  test("and ends as by its signal when a signal ended it", async () => {
    checkout.write("src/program.ts", 'process.kill(process.pid, "SIGKILL");');
    expect((await setup(["src/program.ts"])).code).toBe(128 + 9);
  });

  test("and says so when it cannot be started", async () => {
    symlinkSync(checkout.file("package.json"), checkout.file("node_modules/.bin/node"));
    const { code, error } = await setup(["src/program.ts"]);
    expect(code).toBe(1);
    expect(error).toMatch(/^cannot run src\/program\.ts: spawn .* EACCES\n$/);
  });

  const waiting = `
    const ended = setInterval(() => {}, 1_000);
    process.once("SIGTERM", () => { clearInterval(ended); process.exitCode = 5; });
    process.on("SIGINT", () => {});
    console.log("waiting");`;

  test("forwards SIGTERM to it, and waits for how it ends", async () => {
    checkout.write("src/program.ts", waiting);
    await using program = start(["src/program.ts"]);
    await expect.poll(() => program.out, { timeout: 10_000 }).toContain("waiting");
    program.child.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 5, signal: null });
  });

  test("outlives SIGINT, which a terminal sends to the program as well", async () => {
    checkout.write("src/program.ts", waiting);
    await using program = start(["src/program.ts"]);
    await expect.poll(() => program.out, { timeout: 10_000 }).toContain("waiting");
    program.child.kill("SIGINT");
    program.child.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 5, signal: null });
  });
});

const olderNode = findOlderNode();

describe.skipIf(olderNode === undefined)("on a Node that is too old", { timeout: 40_000 }, () => {
  test("installs, and runs the program on the Node that this brought along", async () => {
    fakeNpm(`mkdir -p node_modules/.bin && touch node_modules/.package-lock.json
      ln -s ${process.execPath} node_modules/.bin/node`);
    checkout.write("src/program.ts", "console.log(process.version satisfies string);");
    const { code, out } = await setup(["src/program.ts"], olderNode);
    expect({ code, out }).toEqual({ code: 0, out: `${process.version}\n` });
  });

  test("without a pinned one says in a sentence which is needed", async () => {
    installed(1);
    const { code, out, error } = await setup(["src/program.ts"], olderNode);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(/^cannot run vmsyncd: Node 24 or newer is needed and this is v.*\n$/);
  });
});
