import {
  type ConfigKey,
  type ConfigValue,
  configFileOption,
  configKeys,
  type Settings,
  variablePrefix,
} from "./keys.ts";
import { nearest } from "./nearest.ts";
import { type ConfigProblem, suggestion } from "./problem.ts";
import { judgeText } from "./value.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. Nothing outside this folder reads process.env. */
export function processEnvironment(): Environment {
  return process.env;
}

type EnvironmentSettings = Settings & { readonly configFile: string | undefined };

/** Reads every VMSYNCD_ variable; one that names no key is a problem. */
export function readEnvironment(environment: Environment): EnvironmentSettings {
  const values = new Map<string, ConfigValue>();
  const problems: ConfigProblem[] = unknownVariables(environment);
  for (const key of configKeys) {
    const judged = readVariable(environment, key);
    if (judged?.kind === "valid") values.set(key.path, judged.value);
    if (judged?.kind === "problem") problems.push(judged.problem);
  }
  const { variable } = configFileOption;
  const configFile = environment[variable];
  if (configFile === "") problems.push({ kind: "environment", variable, reason: "is empty" });
  return { values, problems, configFile };
}

function unknownVariables(environment: Environment): ConfigProblem[] {
  const known = [configFileOption.variable, ...configKeys.map((key) => key.variable)];
  return Object.keys(environment)
    .filter((name) => name.startsWith(variablePrefix) && environment[name] !== undefined)
    .filter((name) => !known.includes(name))
    .map((variable) => {
      const near = nearest(
        variable.slice(variablePrefix.length),
        known.map((name) => name.slice(variablePrefix.length)),
      );
      const reason = `unknown variable${suggestion(near && variablePrefix + near)}`;
      return { kind: "environment", variable, reason };
    });
}

type Variable =
  | { readonly kind: "valid"; readonly value: ConfigValue }
  | { readonly kind: "problem"; readonly problem: ConfigProblem };

/** What the environment says of one key, whatever it says of the others; undefined if nothing. */
export function readVariable(environment: Environment, key: ConfigKey): Variable | undefined {
  const { variable } = key;
  const text = environment[variable];
  if (text === undefined) return undefined;
  const judged = judgeText(key.schema, text);
  if (judged.kind === "valid") return judged;
  return {
    kind: "problem",
    problem: { kind: "environment", variable, reason: judged.reason },
  };
}
