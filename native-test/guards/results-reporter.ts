// What vitest's own reporters do not write: what the failed tests said, with what differed, and
// without their titles. A word of a title is no proof of why a test failed.

import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { resultsVariable } from "./variables.ts";

export interface TestResults {
  readonly passed: number;
  /** What the tests that failed said, each in full. */
  readonly failures: readonly string[];
}

export default class ResultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const file = process.env[resultsVariable];
    if (file === undefined) throw new Error(`cannot write results: ${resultsVariable} is not set`);
    const outcomes = modules.flatMap((module) => [...module.children.allTests()]);
    const results = outcomes.map((test) => test.result());
    const suites = modules.flatMap((module) => [...module.children.allSuites()]);
    const outside = [...modules, ...suites].flatMap((part) => part.errors());
    const failed = results.flatMap(({ state, errors }) => {
      return state === "failed" ? [(errors ?? []).map(textOf).join("\n")] : [];
    });
    const passed = results.filter(({ state }) => state === "passed").length;
    const all: TestResults = { passed, failures: [...failed, ...outside.map(textOf)] };
    writeFileSync(file, JSON.stringify(all));
  }
}

function textOf({ message, diff }: { message: string; diff?: string | undefined }): string {
  return diff === undefined ? message : `${message}\n${stripped(diff)}`;
}

/** Without colours. */
function stripped(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCodePoint(27)}\\[[\\d;]*m`, "g"), "");
}
