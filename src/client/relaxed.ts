// The agent refuses what it does not know; its clients must not. An agent of a newer version may say
// more: another field, another word where a set was closed. What is there keeps its type.

import type { TSchema } from "../schema.ts";

/** A schema of an answer without the two ways in which it closes: extra fields and enumerations. */
export function relaxed(schema: TSchema): object {
  return relaxedValue(schema) as object;
}

function relaxedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relaxedValue);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(
    ([key, inner]) => key !== "enum" && !(key === "additionalProperties" && inner === false),
  );
  return Object.fromEntries(kept.map(([key, inner]) => [key, relaxedValue(inner)]));
}
