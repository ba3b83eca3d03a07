// Runs tests of one native test file, with all guards in place or with one of them taken out.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Guard } from "./guards.ts";
import { guardVariable, marksVariable } from "./variables.ts";

const root = path.resolve(import.meta.dirname, "../..");
const vitest = path.join(root, "node_modules/.bin/vitest");
const config = path.join(root, "native-test/vitest.config.ts");
const hook = pathToFileURL(path.join(import.meta.dirname, "hook.ts")).href;

/** Which tests: a file, and the pattern that their titles fit. */
export type TestChoice = Pick<Guard, "test" | "pattern">;

export interface TestOutcome {
  readonly seconds: number;
  readonly passed: number;
  /** What the tests that failed said, each in full. */
  readonly failures: readonly string[];
  /** Files below src in which something was taken out. */
  readonly planted: ReadonlySet<string>;
  /** What vitest printed, for a person who wonders. */
  readonly output: string;
}

/** The part of vitest's JSON that is read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Runs them to their end, or to the first failure; a signal to this process ends them too. */
export async function runTest({ test, pattern }: TestChoice, guard?: Guard): Promise<TestOutcome> {
  const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-guards-"));
  try {
    const reportFile = path.join(folder, "report.json");
    const marks = path.join(folder, "marks");
    const planting = { [guardVariable]: guard?.name, [marksVariable]: marks };
    const options = [process.env["NODE_OPTIONS"], `--import=${hook}`];
    const environment = {
      ...planting,
      NODE_OPTIONS: options.filter((one) => one !== undefined).join(" "),
    };
    const args = ["run", "--config", config, test, "--testNamePattern", pattern, "--bail=1"];
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportFile}`];
    const startedAt = performance.now();
    const output = await outputOf([vitest, ...args, ...reporters], guard ? environment : {});
    const seconds = (performance.now() - startedAt) / 1000;
    return { seconds, ...resultsIn(reportFile), planted: linesOf(marks), output };
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

function resultsIn(reportFile: string): Pick<TestOutcome, "passed" | "failures"> {
  if (!existsSync(reportFile)) return { passed: 0, failures: [] };
  const { testResults } = JSON.parse(readFileSync(reportFile, "utf8")) as VitestReport;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === "passed").length;
  const failed = tests.filter(({ status }) => status === "failed");
  return { passed, failures: failed.map(({ failureMessages }) => failureMessages.join("\n")) };
}

function linesOf(file: string): Set<string> {
  if (!existsSync(file)) return new Set();
  return new Set(readFileSync(file, "utf8").split("\n"));
}
