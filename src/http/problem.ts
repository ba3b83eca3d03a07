// Why a request is refused, as the problem document that says so. Knows nothing of what serves it.

import type { ErrorObject } from "ajv";
import type { Refusal } from "../core/refusal.ts";
import { type Problem, type ProblemName, problems, problemType } from "./schema/problem.ts";

/** Part of a request, in the words of a problem document. */
export type Part = NonNullable<Problem["in"]>;

/** Thrown to refuse a request. */
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

/** A field that cannot be accepted, with why. */
export function fieldProblem(field: string, part: Part, why: string): ProblemError {
  const detail = `cannot accept ${field === "" ? "the request" : field} in ${part}: ${why}`;
  return new ProblemError("invalid-request", detail, { field, in: part });
}

/** What a validator said of a part of a request. */
export function validationProblem(
  part: Part,
  errors: readonly Partial<ErrorObject>[] | null | undefined,
): ProblemError {
  const first = errors?.[0];
  const extra: unknown =
    first?.params?.["additionalProperty"] ?? first?.params?.["missingProperty"];
  const field = `${first?.instancePath ?? ""}${typeof extra !== "string" ? "" : `/${escaped(extra)}`}`;
  const why =
    first?.keyword === "additionalProperties" ? "it is not known" : (first?.message ?? "not valid");
  return fieldProblem(field, part, why);
}

/** What nobody foresaw: its cause is for the log. */
export function internalProblem(method: string, path: string): ProblemError {
  const detail = `cannot answer ${method} ${path}: the agent failed; its log says why`;
  return new ProblemError("internal-error", detail);
}

export function noSuchRoute(method: string, url: string): ProblemError {
  const detail = `cannot find ${method} ${url.split("?")[0]}: there is no such route`;
  return new ProblemError("not-found", detail);
}

export function malformedPath(): ProblemError {
  const detail = "cannot read the address: its escapes are malformed";
  return new ProblemError("invalid-request", detail, { in: "path" });
}

export function pathTooLong(): ProblemError {
  const detail = "cannot accept the address: a part of it is longer than any id";
  return new ProblemError("invalid-request", detail, { in: "path" });
}

/** One step of a JSON Pointer (RFC 6901). */
function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
