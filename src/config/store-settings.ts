import { readDocument } from "./document.ts";
import { type Environment, readVariable } from "./environment.ts";
import { readFileText } from "./file.ts";
import { type ConfigValue, configFileOption, findKey, type Settings } from "./keys.ts";
import { ConfigError } from "./problem.ts";

/** What the daemon's configuration says of its store and of what is in it. */
export interface StoreSettings {
  readonly folder: string;
  readonly claimAgeWarningSeconds: number;
  readonly managementNodes: readonly string[];
}

/**
 * What a program beside the daemon has to know to read its store: environment over file over
 * default. The folder must be certain, for another store says other things: where the file cannot
 * be read as a whole and what can be read does not name it, this throws a ConfigError.
 *
 * @param folder of the store, where somebody has named it
 */
export function storeSettings(environment: Environment, folder?: string): StoreSettings {
  const file = readFile(environment);
  const valueOf = (path: string): ConfigValue => {
    const key = findKey(path);
    if (key?.default === undefined) throw new Error(`the schema has no default for ${path}`);
    const variable = readVariable(environment, key);
    if (variable?.kind === "valid") return variable.value;
    if (path === "store.folder") {
      if (variable?.kind === "problem") throw new ConfigError([variable.problem]);
      if (file.problems.length > 0 && !file.values.has(path)) throw new ConfigError(file.problems);
    }
    return file.values.get(path) ?? key.default;
  };
  return {
    folder: folder ?? (valueOf("store.folder") as string),
    claimAgeWarningSeconds: valueOf("claims.claimAgeWarningSeconds") as number,
    managementNodes: valueOf("managementNodes") as readonly string[],
  };
}

function readFile(environment: Environment): Settings {
  const named = environment[configFileOption.variable];
  const file = named ?? configFileOption.default;
  const read = readFileText(file);
  if (read.kind === "text") return readDocument(file, read.text);
  if (read.kind === "missing" && named === undefined) return { values: new Map(), problems: [] };
  const reason = read.kind === "missing" ? "no such file" : read.reason;
  return { values: new Map(), problems: [{ kind: "file", file, reason }] };
}
