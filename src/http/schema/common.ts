// Parts that several messages share. These schemas are the one source of the API's types, of its
// validation on both sides, and of its description.

import { type Static, type TProperties, Type } from "../../schema.ts";
import { amnesiaReasons } from "../../core/amnesia.ts";
import { vmUuidPattern } from "../../core/vm-uuid.ts";

/** An object that refuses fields it does not know. */
export function strict<T extends TProperties>(properties: T, description: string) {
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

export function OrphanTtlSeconds(description: string) {
  return Type.Integer({ minimum: 1, maximum: 86_400, description });
}

/** A query arrives as text, and nothing is coerced: a number is validated as what it is. */
export function WholeNumberText(description: string) {
  return Type.String({ pattern: "^(0|[1-9][0-9]{0,15})$", description });
}

export const InstantText = Type.String({ description: "RFC 3339 date and time" });

const counterMax = Number.MAX_SAFE_INTEGER;
/** Who has the highest epoch could not be started again. */
const epochMax = 2 ** 52;

export const ManagementNode = strict(
  {
    id: ManagementNodeId,
    epoch: Type.Integer({
      minimum: 0,
      maximum: epochMax,
      description: "Rises each time the management node's process starts",
    }),
    instance: Id("Random per process of the management node"),
    sequence: Type.Integer({
      minimum: 0,
      maximum: counterMax,
      description: "Rises with each statement of this process",
    }),
    leaseSeconds: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 3_600,
        description:
          "How long it counts as alive after this; at most the agent's leaseSecondsMax; absent: the agent's leaseSeconds",
      }),
    ),
    orphanTtlSeconds: Type.Optional(
      OrphanTtlSeconds("TTL of its orphaned claims that name none; absent: the agent's"),
    ),
    storeId: Type.Optional(Id("Store of this agent that it last heard of")),
    agentEpoch: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: counterMax,
        description: "Agent epoch that it last heard of",
      }),
    ),
  },
  "Who speaks",
);
export type ManagementNode = Static<typeof ManagementNode>;

/** Identity of a run: revisions compare as (epoch, revision) within one store. */
export const run = {
  storeId: Type.String({ description: "New whenever the store is new or restored" }),
  epoch: Type.Integer({ description: "Agent epoch: rises durably at each start of the agent" }),
};
export const AgentRun = strict(run, "The run of the agent that answers");
export type AgentRun = Static<typeof AgentRun>;

export const Amnesia = strict(
  {
    reason: oneOf(amnesiaReasons, "Stable code"),
    startedAt: InstantText,
    remainingSeconds: Type.Integer({ description: "When it ends by itself" }),
    waitingFor: Type.Array(ManagementNodeId, {
      description: "Configured management nodes whose full list would end it sooner",
    }),
  },
  "Claims may be unknown, so that nothing is called Stopped; absent: none are",
);
export type Amnesia = Static<typeof Amnesia>;

export const Durable = Type.Boolean({
  description: "It survives a power loss; false: the disk refused it, and it holds all the same",
});

export const SkipRevision = Type.Integer({
  description: "Rises with every change of the skip list, within one run of the agent",
});
