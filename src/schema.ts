// Schemas are written with TypeBox's types and built here: half of the files that the CLI would load
// are TypeBox's, and of it no more is needed than this. A test holds what is built here against what
// TypeBox builds.

import type * as TypeBox from "typebox";

export type { Static, TProperties, TSchema } from "typebox";

type Json = Readonly<Record<string, unknown>>;
type BuiltHere = "Array" | "Boolean" | "Enum" | "Integer" | "Literal" | "Number" | "Object";
type Builders = Pick<typeof TypeBox, BuiltHere | "Optional" | "String" | "Unsafe">;

/** Properties that need not be there. The schema itself does not say so: its object does. */
const optional = new WeakSet<object>();

const ofType = (type: string) => (options: Json) => ({ type, ...options });

function objectOf(properties: Readonly<Record<string, object>>, options: Json): Json {
  const required = Object.keys(properties).filter((name) => !optional.has(properties[name] ?? {}));
  const demanded = required.length === 0 ? {} : { required };
  return { type: "object", ...demanded, properties, ...options };
}

function optionalOf(schema: Json): Json {
  const copy = { ...schema };
  optional.add(copy);
  return copy;
}

/** JSON Schema from building blocks, each as TypeBox's of the same name. */
export const Type = {
  Array: (items: Json, options: Json) => ({ type: "array", items, ...options }),
  Boolean: ofType("boolean"),
  Enum: (values: readonly string[], options: Json) => ({ enum: [...values], ...options }),
  Integer: ofType("integer"),
  Literal: (value: unknown, options: Json) => ({ type: typeof value, const: value, ...options }),
  Number: ofType("number"),
  Object: objectOf,
  Optional: optionalOf,
  String: ofType("string"),
  Unsafe: (schema: Json) => ({ ...schema }),
} as unknown as Builders;
