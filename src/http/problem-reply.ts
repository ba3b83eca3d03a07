// How a problem leaves through fastify, and what its own errors are called.

import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import {
  internalProblem,
  malformedPath,
  type Part,
  pathTooLong,
  ProblemError,
  validationProblem,
} from "./problem.ts";
import { problemMediaType } from "./schema/problem.ts";

export function sendProblem(reply: FastifyReply, { problem }: ProblemError): FastifyReply {
  // As text, so that no response schema of the route takes part in it.
  return reply.code(problem.status).type(problemMediaType).send(JSON.stringify(problem));
}

const malformedJson = (why: string) => new ProblemError("malformed-json", why);

/** Fastify's own errors (documentation "Errors") that are the caller's fault, by their code. */
const callerErrors: Readonly<Record<string, () => ProblemError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new ProblemError("body-too-large", "cannot read the body: it is over 4 MiB"),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => malformedJson("cannot read the body: it is empty"),
  FST_ERR_CTP_INVALID_JSON_BODY: () => malformedJson("cannot read the body: it is not JSON"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new ProblemError(
      "invalid-request",
      "cannot read the body: its size differs from Content-Length",
    ),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new ProblemError("unsupported-media-type", "cannot read the body: send it as application/json"),
  FST_ERR_BAD_URL: malformedPath,
  FST_ERR_MAX_PARAM_LENGTH: pathTooLong,
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
  if (error.validation !== undefined) {
    return validationProblem(parts[error.validationContext ?? ""] ?? "body", error.validation);
  }
  const known = callerErrors[error.code];
  if (known !== undefined) return known();
  // secure-json-parse and JSON.parse throw plain SyntaxErrors with status 400.
  if (error.statusCode === 400) return malformedJson(`cannot read the body: ${error.message}`);
  onUnforeseen(error);
  return internalProblem(request.method, request.routeOptions.url ?? "the request");
}
