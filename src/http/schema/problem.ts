// Problem documents (RFC 9457). The set of types is closed: a client may branch on them.

import { type Static, Type } from "../../schema.ts";
import type { RefusalCode } from "../../core/refusal.ts";
import { oneOf, strict } from "./common.ts";

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/** Every type with its status and title. */
export const problems = {
  "malformed-json": { status: 400, title: "The body is not JSON" },
  "invalid-request": { status: 400, title: "The request is not valid" },
  "not-found": { status: 404, title: "There is no such route or object" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body is not application/json" },
  "request-timeout": { status: 408, title: "The request took too long" },
  "reserved-id": { status: 400, title: "The id is reserved" },
  "stale-epoch": { status: 409, title: "A newer epoch has spoken" },
  "instance-conflict": { status: 409, title: "Another process speaks under this id" },
  "stale-list": { status: 409, title: "A newer list was applied already" },
  "stale-claim": { status: 409, title: "A newer list did not name this claim" },
  "operation-continued": { status: 409, title: "The operation was continued" },
  "operation-expired": { status: 409, title: "The operation's TTL was over" },
  "too-many-claims": { status: 409, title: "The management node has too many claims" },
  "too-many-management-nodes": { status: 409, title: "Too many management nodes have claims" },
  "ambiguous-owner": { status: 409, title: "Several management nodes have such a claim" },
  "too-many-held-questions": { status: 503, title: "Too many questions wait for a change" },
  "too-many-event-consumers": { status: 503, title: "Too many follow the events" },
  "internal-error": { status: 500, title: "The agent failed" },
  "not-stored": { status: 507, title: "The disk did not take it" },
} as const satisfies Record<RefusalCode, unknown> & Record<string, ProblemKind>;
export type ProblemName = keyof typeof problems;

const typePrefix = "urn:vmsyncd:problem:";
export const problemTypes = (Object.keys(problems) as ProblemName[]).map(problemType);

/** The name in the `type` of a problem document; one of a newer agent may not be known here. */
export function problemName(type: string): string {
  return type.replace(typePrefix, "");
}

/** The `type` of a problem document. */
export function problemType(name: ProblemName): string {
  return `${typePrefix}${name}`;
}

export const problemMediaType = "application/problem+json";

export const Problem = strict(
  {
    type: oneOf(problemTypes, "What is wrong; a closed set"),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: "A sentence: cannot VERB OBJECT: cause" }),
    field: Type.Optional(
      Type.String({ description: "JSON Pointer to the field, from the part named by `in`" }),
    ),
    currentEpoch: Type.Optional(
      Type.Integer({ description: "Where the epoch was refused: the one that is in force" }),
    ),
    in: Type.Optional(oneOf(["body", "path", "query"], "Part of the request")),
  },
  "Why a request was refused",
);
export type Problem = Static<typeof Problem>;
