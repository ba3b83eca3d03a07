// What is built here is what TypeBox would build.

import * as TypeBox from "typebox";
import { expect, test } from "vitest";
import { Type } from "../src/schema.ts";

/** Every building block, with and without options, each also where it may be left out. */
function everything(build: typeof Type): TypeBox.TObject {
  const named = { description: "what it is", "x-units": "seconds" };
  const text = build.String({ pattern: "^a$", maxLength: 3 });
  const inner = build.Object({ text, late: build.Optional(text) }, { additionalProperties: false });
  const properties = {
    text,
    bare: build.String(),
    integer: build.Integer({ minimum: 1, default: 2, ...named }),
    number: build.Number(),
    flag: build.Boolean(named),
    word: build.Enum(["a", "b"], { default: "a" }),
    yes: build.Literal(true, named),
    seven: build.Literal(7),
    name: build.Literal("name"),
    list: build.Array(inner, { uniqueItems: true, maxItems: 4 }),
    inner,
    empty: build.Object({}),
    nothingDemanded: build.Object({ text: build.Optional(text) }),
    unsafe: build.Unsafe<string>({ type: "string", enum: ["c"] }),
  };
  const late = Object.entries(properties).map(
    ([name, schema]) => [`${name}Late`, build.Optional(schema as TypeBox.TSchema)] as const,
  );
  return build.Object({ ...properties, ...Object.fromEntries(late) }, named);
}

test("schemas are those that TypeBox builds, key by key", () => {
  expect(JSON.stringify(everything(Type))).toBe(JSON.stringify(everything(TypeBox)));
  expect(JSON.stringify(everything(Type)).length).toBeGreaterThan(1_000);
});
