// Every answer is checked against the schema that the agent itself is built from, as far as an agent
// of another version may be held to it (relaxed.ts).

import { Ajv, type ValidateFunction } from "ajv";
import type { Static, TSchema } from "../schema.ts";
import { relaxed } from "./relaxed.ts";

const ajv = new Ajv();
// One per schema and process: who makes many clients compiles no more than who makes one.
const validators = new WeakMap<TSchema, ValidateFunction>();

/** An answer that has the shape it should; else what is wrong with it. */
export type CheckedAnswer<T extends TSchema> =
  | { readonly value: Static<T> }
  | { readonly mistake: string };

/** Checks an answer against the schema of its route. */
export function checkAnswer<T extends TSchema>(schema: T, value: unknown): CheckedAnswer<T> {
  const validate = validatorOf(schema);
  if (validate(value)) return { value: value as Static<T> };
  return { mistake: ajv.errorsText(validate.errors, { dataVar: "answer" }) };
}

function validatorOf(schema: TSchema): ValidateFunction {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(relaxed(schema));
  validators.set(schema, validate);
  return validate;
}
