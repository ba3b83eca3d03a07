import { printable, quote } from "./quote.ts";

/** One thing that is wrong, with the place where somebody can put it right. */
export type ConfigProblem =
  | {
      readonly kind: "file";
      readonly file: string;
      /** From 1. Undefined where the file as a whole is the problem. */
      readonly line?: number;
      /** From 1, in UTF-16 units. */
      readonly column?: number;
      /** Path of the key as the file has it, known or not. */
      readonly key?: string;
      readonly reason: string;
    }
  | { readonly kind: "environment"; readonly variable: string; readonly reason: string }
  | { readonly kind: "flag"; readonly flag: string; readonly reason: string }
  | { readonly kind: "argument"; readonly argument: string; readonly reason: string }
  /** A default that is found at run time and cannot be used. */
  | { readonly kind: "default"; readonly key: string; readonly reason: string };

/** The problem on one line: place, colon, reason. */
export function problemText(problem: ConfigProblem): string {
  switch (problem.kind) {
    case "file": {
      const line = problem.line === undefined ? "" : `:${problem.line}`;
      return `${printable(problem.file)}${line}: ${problem.reason}`;
    }
    case "environment":
      return `environment variable ${printable(problem.variable)}: ${problem.reason}`;
    case "flag":
      return `${printable(problem.flag)}: ${problem.reason}`;
    case "argument":
      return `${quote(problem.argument)}: ${problem.reason}`;
    case "default":
      return `${problem.key}: ${problem.reason}`;
    default:
      throw new Error(`unreachable: ${JSON.stringify(problem satisfies never)}`);
  }
}

const shownMax = 20;

function messageOf(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, shownMax).map(problemText);
  if (problems.length > shownMax) lines.push(`and ${problems.length - shownMax} more`);
  const separator = lines.length === 1 ? " " : "\n  ";
  return `cannot read configuration:${separator}${lines.join("\n  ")}`;
}

/** The configuration cannot be used. A program that ends because of it exits with 78. */
export class ConfigError extends Error {
  readonly code = "bad-configuration";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(messageOf(problems));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** " (did you mean 'X'?)", or nothing when there is nothing near. */
export function suggestion(near: string | undefined): string {
  return near === undefined ? "" : ` (did you mean ${quote(near)}?)`;
}
