// The keys of the configuration as a flat list, each with its names in the three places where it
// can be set. The names follow from the path; nothing is listed by hand.

import type { TSchema } from "../schema.ts";
import type { ConfigProblem } from "./problem.ts";
import { configSchema } from "./schema.ts";

export type ConfigValue = string | number | readonly string[];

/** The schema of one key, in the few JSON Schema keywords that the configuration uses. */
export type ValueSchema = {
  readonly type: "string" | "integer" | "array";
  readonly description: string;
  readonly default?: ConfigValue;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly format?: string;
  readonly items?: ValueSchema;
  readonly "x-units"?: string;
  readonly "x-allowed"?: string;
  readonly "x-default"?: string;
};

export type ConfigKey = {
  /** As written in the file, sections joined by dots: "libvirt.stepTimeoutMs". */
  readonly path: string;
  /** "VMSYNCD_LIBVIRT_STEP_TIMEOUT_MS" */
  readonly variable: string;
  /** "--libvirt-step-timeout-ms" */
  readonly flag: string;
  readonly schema: ValueSchema;
  readonly description: string;
  /** The unit of a number: "milliseconds", "seconds", "messages". */
  readonly units: string | undefined;
  /** Undefined for a key that may stay unset and for one whose default is found at run time. */
  readonly default: ConfigValue | undefined;
  /** In words, for every key: "2000", "the system's host name", "no TCP". */
  readonly defaultText: string;
};

/** What one source sets, by path of the key. */
export type Settings = {
  readonly values: ReadonlyMap<string, ConfigValue>;
  readonly problems: readonly ConfigProblem[];
};

/** Every VMSYNCD_ variable that is set has to be one of ours. */
export const variablePrefix = "VMSYNCD_";

/** The option that names the file. It is no key, because it cannot be set in the file. */
export const configFileOption = {
  variable: `${variablePrefix}CONFIG`,
  flag: "--config",
  default: "/etc/vmsyncd/config.yaml",
  description: "the configuration file",
} as const;

type ObjectSchema = TSchema & {
  readonly type: "object";
  readonly properties: Readonly<Record<string, TSchema>>;
};

function isObjectSchema(schema: TSchema): schema is ObjectSchema {
  return "type" in schema && schema.type === "object";
}

/** Words of a camelCase path: "libvirt.stepTimeoutMs" is libvirt, step, timeout, ms. */
function words(path: string): string[] {
  return path
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1.$2")
    .toLowerCase()
    .split(".");
}

function defaultTextOf(schema: ValueSchema): string {
  if (schema["x-default"] !== undefined) return schema["x-default"];
  if (Array.isArray(schema.default)) return schema.default.join(",") || "none";
  return String(schema.default);
}

function keyOf(path: string, schema: ValueSchema): ConfigKey {
  return {
    path,
    variable: variablePrefix + words(path).join("_").toUpperCase(),
    flag: `--${words(path).join("-")}`,
    schema,
    description: schema.description,
    units: schema["x-units"],
    default: schema.default,
    defaultText: defaultTextOf(schema),
  };
}

function collect(schema: ObjectSchema, prefix: string, keys: ConfigKey[], sections: string[]) {
  for (const [name, property] of Object.entries(schema.properties)) {
    const path = prefix + name;
    if (isObjectSchema(property)) {
      sections.push(path);
      collect(property, `${path}.`, keys, sections);
    } else {
      keys.push(keyOf(path, property as ValueSchema));
    }
  }
}

const keys: ConfigKey[] = [];
const sections: string[] = [];
collect(configSchema, "", keys, sections);

/** Every key, in the order of the schema. */
export const configKeys: readonly ConfigKey[] = keys;

/** Paths of the mappings that hold keys: "libvirt", "http". */
export const configSections: readonly string[] = sections;

const keysByPath = new Map(configKeys.map((key) => [key.path, key]));

/** The key at `path`, if there is one. */
export function findKey(path: string): ConfigKey | undefined {
  return keysByPath.get(path);
}
