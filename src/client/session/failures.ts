// What a failed call means to a session.

import { AgentUnreachableError, ApiError } from "../errors.ts";
import { SessionError, SupersededError } from "./errors.ts";

/** Refusals of an old statement: said anew, with a higher sequence, it may be accepted. */
const lateCodes = new Set(["stale-claim", "operation-expired"]);

/** Whether the same call may go better a little later. */
export function isWorthRepeating(error: unknown): boolean {
  if (error instanceof AgentUnreachableError) return true;
  if (error instanceof SessionError) return error.code === "other-store";
  if (!(error instanceof ApiError)) return false;
  if (error.code === "not-stored") return false;
  return lateCodes.has(error.code) || error.problem.status >= 500;
}

/** The end of the session, if a refusal says that another process speaks under its id. */
export function supersession(error: unknown, epoch: number): SupersededError | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const { code } = error;
  if (code !== "stale-epoch" && code !== "instance-conflict") return undefined;
  return new SupersededError(code, error.problem.currentEpoch ?? epoch, { cause: error });
}
