// Judges one value against the schema of its key, and words what is wrong with it.

import { Ajv } from "ajv";
import {
  listenAddressFormat,
  listenAddressProblem,
  socketPathFormat,
  socketPathProblem,
} from "./address.ts";
import type { ConfigValue, ValueSchema } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { suggestion } from "./problem.ts";
import { quote } from "./quote.ts";
import { type Config, configSchema } from "./schema.ts";

const formats: ReadonlyMap<string, (text: string) => string | undefined> = new Map([
  [listenAddressFormat, listenAddressProblem],
  [socketPathFormat, socketPathProblem],
]);

const ajv = new Ajv({ coerceTypes: false, useDefaults: false, allErrors: false });
ajv.addVocabulary(["x-units", "x-allowed", "x-default"]);
for (const [name, problem] of formats) {
  ajv.addFormat(name, { type: "string", validate: (text: string) => problem(text) === undefined });
}

/** Whether the whole configuration is as the schema says. */
export function isConfig(value: unknown): value is Config {
  return ajv.validate<Config>(configSchema, value);
}

export type Judged =
  | { readonly kind: "valid"; readonly value: ConfigValue }
  /** `element` is the index of the guilty element of a list, from 0. */
  | { readonly kind: "invalid"; readonly reason: string; readonly element?: number };

/** Judges a value as a file gives it: its type has to be right already. */
export function judgeValue(schema: ValueSchema, value: unknown): Judged {
  if (ajv.validate<ConfigValue>(schema, value)) return { kind: "valid", value };
  const { keyword = "", params = {}, instancePath = "" } = ajv.errors?.[0] ?? {};
  if (Array.isArray(value) && keyword === "uniqueItems") {
    const [first, second] = [Number(params.j), Number(params.i)].toSorted((a, b) => a - b);
    const reason = `${foundText(value[second ?? 0])} is listed twice`;
    return { kind: "invalid", reason, element: second ?? first ?? 0 };
  }
  const index = /^\/(\d+)/.exec(instancePath)?.[1];
  if (Array.isArray(value) && schema.items !== undefined && index !== undefined) {
    const element = Number(index);
    const reason = reasonOf(schema.items, value[element], keyword);
    return { kind: "invalid", reason: `element ${element + 1}: ${reason}`, element };
  }
  return { kind: "invalid", reason: reasonOf(schema, value, keyword) };
}

/**
 * Judges a value as the environment and flags give it: text, read by the schema's type. A number is
 * plain decimal digits and nothing else; a list is separated by commas, and empty text is an empty
 * list.
 */
export function judgeText(schema: ValueSchema, text: string): Judged {
  if (schema.type === "integer" && plainInteger.test(text)) return judgeValue(schema, Number(text));
  if (schema.type !== "array") return judgeValue(schema, text);
  const elements = text === "" ? [] : text.split(",");
  // A blank after the comma would silently become part of a name that nobody has.
  const element = elements.findIndex((part) => part !== part.trim());
  if (element === -1) return judgeValue(schema, elements);
  const reason = `element ${element + 1}: ${quote(elements[element] ?? "")} has blanks around it`;
  return { kind: "invalid", reason, element };
}

const plainInteger = /^(?:0|-?[1-9][0-9]*)$/;

function reasonOf(schema: ValueSchema, value: unknown, keyword: string): string {
  if (keyword === "format" && typeof value === "string") {
    const reason = formats.get(schema.format ?? "")?.(value);
    if (reason !== undefined) return reason;
  }
  return `expected ${allowedText(schema)}, found ${foundText(value)}${hint(schema, value)}`;
}

/** What the schema allows, worded to follow "expected": "an integer from 1 to 9 (seconds)". */
export function allowedText(schema: ValueSchema): string {
  if (schema["x-allowed"] !== undefined) return schema["x-allowed"];
  if (schema.enum !== undefined) return `one of ${schema.enum.join(", ")}`;
  switch (schema.type) {
    case "integer":
      return `an integer from ${schema.minimum} to ${schema.maximum} (${schema["x-units"]})`;
    case "array":
      return `a list of at most ${schema.maxItems} different values`;
    case "string":
      return "text";
    default:
      throw new Error(`unreachable: ${JSON.stringify(schema.type satisfies never)}`);
  }
}

/** A value for a message, with its type: "the string '1000'", "the number 5", "nothing". */
export function foundText(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return `the string ${quote(value)}`;
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "boolean") return `the boolean ${value}`;
  return Array.isArray(value) ? `a list of ${value.length}` : "a mapping";
}

function hint(schema: ValueSchema, value: unknown): string {
  if (value === null) return " (leave the key out for its default)";
  if (schema.enum !== undefined && typeof value === "string") {
    return suggestion(nearest(value, schema.enum));
  }
  if (schema.type === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return " (write it in quotes)";
  }
  const isQuotedNumber = typeof value === "string" && plainInteger.test(value);
  return schema.type === "integer" && isQuotedNumber ? " (write it without quotes)" : "";
}
