// How a call of the API fails: the agent refused it (ApiError), or no answer could be had
// (AgentUnreachableError). Callers branch on `code`.

import { type Problem, problemName } from "../http/schema/problem.ts";

/** The agent answered with a problem document. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Name of the problem's type, such as "stale-list" (docs/reference/problems.md). */
  readonly code: string;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.code = problemName(problem.type);
    this.problem = problem;
  }
}

/** Why no answer could be had; a closed set. */
export type UnreachableCode = "not-running" | "permission-denied" | "timeout" | "bad-answer";

/** No answer, or none that is this API's. Says nothing about any VM. */
export class AgentUnreachableError extends Error {
  override readonly name = "AgentUnreachableError";
  readonly code: UnreachableCode;

  constructor(code: UnreachableCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An answer that this API does not give. */
export function badAnswer(agent: string, what: string, cause?: unknown): AgentUnreachableError {
  const text = `cannot understand the answer of ${agent}: ${what}; is it a vmsyncd of this version?`;
  return new AgentUnreachableError("bad-answer", text, { cause });
}
