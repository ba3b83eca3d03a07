import {
  type ConfigKey,
  type ConfigValue,
  configFileOption,
  configKeys,
  type Settings,
} from "./keys.ts";
import { nearest } from "./nearest.ts";
import { type ConfigProblem, suggestion } from "./problem.ts";
import { judgeText } from "./value.ts";

const pages = ["help", "version"] as const;
type Page = (typeof pages)[number];

/** A flag, or what is no flag, as it stands on the command line. */
type Argument =
  | { readonly kind: "flag"; readonly flag: string; readonly value: string | undefined }
  | { readonly kind: "unknown"; readonly flag: string }
  | { readonly kind: "positional"; readonly text: string };

const withValue = [configFileOption.flag, ...configKeys.map((key) => key.flag)];
const withoutValue = pages.map((page) => `--${page}`);

/**
 * Splits `argv` into flags and the rest, judging nothing but whether a flag is known. By hand and
 * not with parseArgs, which stops at the first mistake and takes a flag for another one's value.
 */
function splitArguments(argv: readonly string[]): Argument[] {
  const split: Argument[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const text = argv[index] ?? "";
    const next = argv[index + 1];
    const equals = text.indexOf("=");
    const flag = equals === -1 ? text : text.slice(0, equals);
    const inline = equals === -1 ? undefined : text.slice(equals + 1);
    const hasNextValue = inline === undefined && next !== undefined && !next.startsWith("--");
    if (!/^-./.test(text) || text === "--") {
      split.push({ kind: "positional", text });
    } else if (withoutValue.includes(flag)) {
      split.push({ kind: "flag", flag, value: inline });
    } else {
      const value = hasNextValue ? next : inline;
      split.push(
        withValue.includes(flag) ? { kind: "flag", flag, value } : { kind: "unknown", flag },
      );
      // The value of an unknown flag is part of the same mistake.
      if (hasNextValue) index += 1;
    }
  }
  return split;
}

/**
 * The page that the command line asks for instead of a start, if any; help before version. Asked
 * before `loadConfig`, so that --help answers whatever else is wrong.
 */
export function requestedPage(argv: readonly string[]): Page | undefined {
  const split = splitArguments(argv);
  const isAsked = (page: Page) =>
    split.some(
      (argument) =>
        argument.kind === "flag" && argument.flag === `--${page}` && argument.value === undefined,
    );
  return pages.find(isAsked);
}

type CommandLine = Settings & { readonly configFile: string | undefined };

/** Reads the flags; an unknown one, a repeated one and an argument that is none are problems. */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const given = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const argument of splitArguments(argv)) {
    if (argument.kind === "positional") {
      const reason = "unexpected argument";
      problems.push({ kind: "argument", argument: argument.text, reason });
      continue;
    }
    const reason = given.has(argument.flag) ? "given more than once" : mistakeIn(argument);
    if (reason !== undefined) problems.push({ kind: "flag", flag: argument.flag, reason });
    else if (argument.kind === "flag") given.set(argument.flag, argument.value ?? "");
  }
  const values = new Map<string, ConfigValue>();
  for (const key of configKeys) readFlag(key, given, values, problems);
  return { values, problems, configFile: given.get(configFileOption.flag) };
}

function mistakeIn(argument: Exclude<Argument, { kind: "positional" }>): string | undefined {
  const { kind, flag } = argument;
  if (kind === "unknown") {
    const known = [...withValue, ...withoutValue].map((name) => name.slice(2));
    const near = nearest(flag.replace(/^-+/, ""), known);
    return `unknown flag${suggestion(near && `--${near}`)}`;
  }
  if (withoutValue.includes(flag)) {
    return argument.value === undefined ? undefined : "takes no value";
  }
  if (argument.value === undefined) return "needs a value";
  if (flag === configFileOption.flag && argument.value === "") return "is empty";
  return undefined;
}

function readFlag(
  key: ConfigKey,
  given: ReadonlyMap<string, string>,
  values: Map<string, ConfigValue>,
  problems: ConfigProblem[],
): void {
  const text = given.get(key.flag);
  if (text === undefined) return;
  const judged = judgeText(key.schema, text);
  if (judged.kind === "valid") values.set(key.path, judged.value);
  else problems.push({ kind: "flag", flag: key.flag, reason: judged.reason });
}
