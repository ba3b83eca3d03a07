// Every failure leaves as a problem document that names the field.

import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Refusal } from "../core/refusal.ts";
import {
  type Problem,
  type ProblemName,
  problemMediaType,
  problems,
  problemType,
} from "./schema/problem.ts";

type Part = NonNullable<Problem["in"]>;

/** Thrown by a handler to refuse a request. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(
    name: ProblemName,
    detail: string,
    more: { field?: string; in?: Part; currentEpoch?: number } = {},
  ) {
    super(detail);
    const { status, title } = problems[name];
    this.problem = { type: problemType(name), title, status, detail, ...more };
  }
}

/** A refusal of the core, as the problem of the same name. */
export function refusalProblem({ code, detail, currentEpoch }: Refusal): ProblemError {
  return new ProblemError(code, detail, currentEpoch === undefined ? {} : { currentEpoch });
}

export function sendProblem(reply: FastifyReply, { problem }: ProblemError): FastifyReply {
  // As text, so that no response schema of the route takes part in it.
  return reply.code(problem.status).type(problemMediaType).send(JSON.stringify(problem));
}

/** Fastify's own errors (documentation "Errors") that are the caller's fault, by their code. */
const callerErrors: Readonly<Record<string, readonly [ProblemName, string, { in: Part }?]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["body-too-large", "cannot read the body: it is over 4 MiB"],
  FST_ERR_CTP_EMPTY_JSON_BODY: ["malformed-json", "cannot read the body: it is empty"],
  FST_ERR_CTP_INVALID_JSON_BODY: ["malformed-json", "cannot read the body: it is not JSON"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    "invalid-request",
    "cannot read the body: its size differs from Content-Length",
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    "unsupported-media-type",
    "cannot read the body: send it as application/json",
  ],
  FST_ERR_BAD_URL: [
    "invalid-request",
    "cannot read the address: its escapes are malformed",
    { in: "path" },
  ],
  FST_ERR_MAX_PARAM_LENGTH: [
    "invalid-request",
    "cannot accept the address: a part of it is longer than any id",
    { in: "path" },
  ],
};

const parts: Readonly<Record<string, Part>> = {
  body: "body",
  params: "path",
  querystring: "query",
};

/** Turns whatever was thrown into a problem; what nobody foresaw is logged and named 500. */
export function toProblem(
  error: FastifyError | ProblemError,
  request: FastifyRequest,
  onUnforeseen: (error: Error) => void,
): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error.validation !== undefined) return validationProblem(error);
  const known = callerErrors[error.code];
  if (known !== undefined) return new ProblemError(...known);
  // secure-json-parse and JSON.parse throw plain SyntaxErrors with status 400.
  if (error.statusCode === 400) {
    return new ProblemError("malformed-json", `cannot read the body: ${error.message}`);
  }
  onUnforeseen(error);
  const detail = `cannot answer ${request.method} ${request.routeOptions.url ?? "the request"}: the agent failed; its log says why`;
  return new ProblemError("internal-error", detail);
}

function validationProblem(error: FastifyError): ProblemError {
  const [first] = error.validation ?? [];
  const part = parts[error.validationContext ?? ""] ?? "body";
  const extra: unknown = first?.params["additionalProperty"] ?? first?.params["missingProperty"];
  const field = `${first?.instancePath ?? ""}${typeof extra !== "string" ? "" : `/${escaped(extra)}`}`;
  const why =
    first?.keyword === "additionalProperties" ? "it is not known" : (first?.message ?? "not valid");
  const detail = `cannot accept ${field === "" ? "the request" : field} in ${part}: ${why}`;
  return new ProblemError("invalid-request", detail, { field, in: part });
}

/** One step of a JSON Pointer (RFC 6901). */
function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
