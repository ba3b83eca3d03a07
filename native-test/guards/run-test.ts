// Runs tests of one native test file, with all guards in place or with one of them taken out.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Guard } from "./guards.ts";
import type { TestResults } from "./results-reporter.ts";
import { guardVariable, marksVariable, resultsVariable } from "./variables.ts";

const root = path.resolve(import.meta.dirname, "../..");
const vitest = path.join(root, "node_modules/.bin/vitest");
const config = path.join(root, "native-test/vitest.config.ts");
const hook = pathToFileURL(path.join(import.meta.dirname, "hook.ts")).href;
const reporter = path.join(import.meta.dirname, "results-reporter.ts");

/** Which tests: a file, and the pattern that their titles fit. */
export type TestChoice = Pick<Guard, "test" | "pattern">;

export interface TestOutcome extends TestResults {
  readonly seconds: number;
  /** Files below src in which something was taken out. */
  readonly planted: ReadonlySet<string>;
  /** What vitest printed, for a person who wonders. */
  readonly output: string;
}

/** Runs them to their end, or to the first failure; a signal to this process ends them too. */
export async function runTest({ test, pattern }: TestChoice, guard?: Guard): Promise<TestOutcome> {
  const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-guards-"));
  try {
    const results = path.join(folder, "results.json");
    const marks = path.join(folder, "marks");
    // A test may run the agent as another user, who has to leave its mark too.
    chmodSync(folder, 0o711);
    writeFileSync(marks, "");
    chmodSync(marks, 0o666);
    const options = [process.env["NODE_OPTIONS"], `--import=${hook}`];
    const planting = {
      [guardVariable]: guard?.name,
      [marksVariable]: marks,
      NODE_OPTIONS: options.filter((one) => one !== undefined).join(" "),
    };
    const environment = { [resultsVariable]: results, ...(guard && planting) };
    const args = ["run", "--config", config, test, "--testNamePattern", pattern, "--bail=1"];
    const reporters = ["--reporter=default", `--reporter=${reporter}`];
    const startedAt = performance.now();
    const output = await outputOf([vitest, ...args, ...reporters], environment);
    const seconds = (performance.now() - startedAt) / 1000;
    return { seconds, ...resultsIn(results), planted: linesOf(marks), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs Node with `args` to its end, whatever its exit code; gives what it printed. */
async function outputOf(args: readonly string[], more: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1", ...more },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const end = (): void => void child.kill("SIGTERM");
  process.on("SIGTERM", end);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => void (output += text));
  }
  await once(child, "close");
  process.off("SIGTERM", end);
  return output;
}

function resultsIn(file: string): TestResults {
  if (!existsSync(file)) return { passed: 0, failures: [] };
  return JSON.parse(readFileSync(file, "utf8")) as TestResults;
}

function linesOf(file: string): Set<string> {
  return new Set(readFileSync(file, "utf8").split("\n"));
}
