// Values for every key, derived from the schema, so that a new key is tested without a new test.

import * as fc from "fast-check";
import { type ConfigKey, type ConfigValue, configKeys } from "../../src/config/keys.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { judgeValue } from "../../src/config/value.ts";

const port = fc.integer({ min: 0, max: 65_535 });
const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 64 }),
  // What YAML would read as something else than text unless it is quoted.
  fc.constantFrom(
    "null",
    "~",
    "true",
    "1e5",
    "0x10",
    "[a]",
    "{a: b}",
    "# a",
    "- a",
    "*a",
    "&a",
    "a: b",
  ),
  fc.string({ maxLength: 60 }).map((text) => `/${text}`),
  fc.tuple(fc.nat(255), fc.nat(255), port).map(([a, b, c]) => `127.${a}.${b}.1:${c}`),
  port.map((digits) => `[::1]:${digits}`),
  port.map((digits) => `localhost:${digits}`),
);

/** Any value that the key may have. */
export function validValue(key: ConfigKey): fc.Arbitrary<ConfigValue> {
  const { schema } = key;
  if (schema.type === "integer") {
    return fc.integer({ min: schema.minimum ?? Number.NaN, max: schema.maximum ?? Number.NaN });
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const valid = (value: ConfigValue) => judgeValue(schema, value).kind === "valid";
  if (schema.type === "string") return texts.filter(valid);
  return fc.uniqueArray(texts, { maxLength: 5 }).filter(valid);
}

const plainTexts = ["/one", "/two", "/three", "127.0.0.1:1", "127.0.0.2:2", "[::1]:3"];

/** Three different values of the key, none its default, that can be written in all three places. */
export function threeValues(key: ConfigKey): readonly [ConfigValue, ConfigValue, ConfigValue] {
  const { schema } = key;
  const candidates: readonly ConfigValue[] = [
    ...(schema.enum ?? []),
    ...[0, 1, 2, 3].map((more) => (schema.minimum ?? 0) + more),
    ...plainTexts,
    ["a"],
    ["a", "b"],
    ["c"],
  ];
  const [first, second, third] = candidates
    .filter((value) => value !== key.default)
    .filter((value) => judgeValue(schema, value).kind === "valid");
  if (first === undefined || second === undefined || third === undefined) {
    throw new Error(`no sample values for ${key.path}`);
  }
  return [first, second, third];
}

/** A value as flags and environment write it. */
export function asText(value: ConfigValue): string {
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** Values by path as the nested mapping that a file holds. */
export function nested(values: ReadonlyMap<string, ConfigValue>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const [first = "", second] = path.split(".");
    if (second === undefined) root[first] = value;
    else root[first] = { ...(root[first] as object | undefined), [second]: value };
  }
  return root;
}

/** The value at "a.b" of a configuration. */
export function valueAt(config: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce((node, name) => (node as Record<string, unknown> | undefined)?.[name], config);
}

/** The keys of a configuration with the values that they have without any setting. */
export function defaults(hostName: string): Map<string, ConfigValue> {
  const values = new Map<string, ConfigValue>([["hostId", hostName]]);
  for (const key of configKeys) if (key.default !== undefined) values.set(key.path, key.default);
  return values;
}

/** The ConfigError that `act` throws. */
export function configErrorOf(act: () => unknown): ConfigError {
  try {
    act();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no ConfigError was thrown");
}
