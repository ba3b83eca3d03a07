// The validators of requests: one configuration, and each schema compiled once per process, whoever
// serves the routes.

import { Ajv, type ValidateFunction } from "ajv";
import type { TSchema } from "../schema.ts";

// A control API refuses what it does not know: no coercion, nothing removed, no defaults.
const ajv = new Ajv({ coerceTypes: false, removeAdditional: false, useDefaults: false });
const compiled = new WeakMap<TSchema, ValidateFunction>();

/** The validator of a schema. */
export function validatorOf(schema: TSchema): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}
