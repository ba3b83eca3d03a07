// Parts that several messages share. These schemas are the one source of the API's types, of its
// validation on both sides, and of its description.

import { type Static, Type } from "typebox";
import { vmUuidPattern } from "../../core/vm-uuid.ts";

/** An object that refuses fields it does not know. */
export function strict<T extends Type.TProperties>(properties: T, description: string) {
  return Type.Object(properties, { additionalProperties: false, description });
}

/** The query of a route that has none. */
export const NoQuery = strict({}, "No parameters");

/** One of a closed set of words. */
export function oneOf<const T extends readonly string[]>(values: T, description: string) {
  return Type.Unsafe<T[number]>({ type: "string", enum: [...values], description });
}

export const VmUuid = Type.String({
  pattern: vmUuidPattern,
  description: "VM uuid, dashed or as 32 hex digits in any case; answered dashed, lower case",
});

// No control characters, so that ids can stand in logs and terminals as they are. No unpaired
// surrogates, and neither "." nor "..": an address cannot hold them, however they are escaped, so
// the claim of such an operation could not be continued.
const printableCharacter = "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]";
const idPattern = `^(?!\\.{1,2}$)${printableCharacter}{1,64}$`;

export function Id(description: string) {
  return Type.String({ pattern: idPattern, description: `${description}; 1 to 64 characters` });
}

export const ManagementNodeId = Id("Id of a management node");
export const OperationId = Id("Id of an operation, chosen by its management node");

export const ClaimReason = Type.String({
  maxLength: 256,
  pattern: `^${printableCharacter}*$`,
  description: "Why, in the management node's words, for example 'start'",
});

export const OrphanTtlSeconds = Type.Integer({
  minimum: 1,
  maximum: 86_400,
  description: "How long the claim outlives its management node, in seconds",
});

export const InstantText = Type.String({ description: "RFC 3339 date and time" });

const counterMax = Number.MAX_SAFE_INTEGER;

export const ManagementNode = strict(
  {
    id: ManagementNodeId,
    epoch: Type.Integer({
      minimum: 0,
      maximum: counterMax,
      description: "Rises each time the management node's process starts",
    }),
    instance: Id("Random per process of the management node"),
    sequence: Type.Integer({
      minimum: 0,
      maximum: counterMax,
      description: "Rises with each statement of this process",
    }),
  },
  "Who speaks",
);
export type ManagementNode = Static<typeof ManagementNode>;

export const SkipRevision = Type.Integer({
  description: "Rises with every change of the skip list, within one run of the agent",
});
