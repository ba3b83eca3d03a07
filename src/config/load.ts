import { hostname } from "node:os";
import { readCommandLine } from "./command-line.ts";
import { readDocument } from "./document.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { readFileText } from "./file.ts";
import {
  type ConfigKey,
  type ConfigValue,
  configFileOption,
  configKeys,
  type Settings,
} from "./keys.ts";
import { ConfigError, type ConfigProblem } from "./problem.ts";
import type { Config } from "./schema.ts";
import { isConfig, judgeValue } from "./value.ts";

export type ConfigSources = {
  /** The arguments after the program's name. --help and --version say nothing here. */
  readonly argv: readonly string[];
  readonly environment: Environment;
  /** Default of hostId; the system's host name unless given. */
  readonly hostName?: string;
};

/**
 * Reads the configuration: flags over environment over file over default. The result is deeply
 * frozen. Throws a ConfigError that lists every problem of flags and environment or, if there is
 * none, every problem of the file: only then is it certain which file is meant.
 */
export function loadConfig(sources: ConfigSources): Config {
  const flags = readCommandLine(sources.argv);
  const environment = readEnvironment(sources.environment);
  throwIfAny([...flags.problems, ...environment.problems]);
  const file = readConfigFile(flags.configFile ?? environment.configFile);
  throwIfAny(file.problems);
  const layers = [flags, environment, file];
  const effective = (key: ConfigKey) =>
    layers.map((layer) => layer.values.get(key.path)).find((value) => value !== undefined) ??
    defaultOf(key, sources.hostName ?? hostname());
  const config = assemble(effective);
  if (!isConfig(config)) throw new Error(`invalid configuration: ${JSON.stringify(config)}`);
  return freezeDeeply(config);
}

/** Which place sets a key, for people; undefined: none does. To be asked after `loadConfig`. */
export function settingSource(
  { argv, environment }: ConfigSources,
  path: string,
): string | undefined {
  const flags = readCommandLine(argv);
  const variables = readEnvironment(environment);
  const key = configKeys.find((one) => one.path === path);
  if (key === undefined) throw new Error(`there is no key ${path}`);
  if (flags.values.has(path)) return key.flag;
  if (variables.values.has(path)) return `the environment variable ${key.variable}`;
  const file = flags.configFile ?? variables.configFile;
  return readConfigFile(file).values.has(path) ? (file ?? configFileOption.default) : undefined;
}

/** `named` is the file that somebody asked for; it has to be there, unlike the usual one. */
function readConfigFile(named: string | undefined): Settings {
  const file = named ?? configFileOption.default;
  const read = readFileText(file);
  switch (read.kind) {
    case "text":
      return readDocument(file, read.text);
    case "missing":
      return { values: new Map(), problems: named === undefined ? [] : [missing(file)] };
    case "unusable":
      return { values: new Map(), problems: [{ kind: "file", file, reason: read.reason }] };
    default:
      throw new Error(`unreachable: ${JSON.stringify(read satisfies never)}`);
  }
}

function missing(file: string): ConfigProblem {
  return { kind: "file", file, reason: "no such file" };
}

function defaultOf(key: ConfigKey, hostName: string): ConfigValue | undefined {
  if (key.path !== "hostId") return key.default;
  const judged = judgeValue(key.schema, hostName);
  if (judged.kind === "valid") return judged.value;
  const reason = `cannot use the system's host name: ${judged.reason}`;
  throw new ConfigError([{ kind: "default", key: key.path, reason }]);
}

type Tree = { [name: string]: ConfigValue | Tree };

function assemble(effective: (key: ConfigKey) => ConfigValue | undefined): Tree {
  const config: Tree = {};
  for (const key of configKeys) {
    const value = effective(key);
    const names = key.path.split(".");
    const last = names.pop() ?? "";
    let section = config;
    for (const name of names) section = (section[name] ??= {}) as Tree;
    if (value !== undefined) section[last] = structuredClone(value);
  }
  return config;
}

function throwIfAny(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}

function freezeDeeply<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) freezeDeeply(part);
    Object.freeze(value);
  }
  return value;
}
