// What a command throws, as one sentence and an exit code.

import { AgentUnreachableError, ApiError } from "../client/errors.ts";
import { ConfigError } from "../config/problem.ts";
import { StoreError } from "../store/read-only.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { FailedError } from "./failed-error.ts";
import { UsageError } from "./usage-error.ts";

export interface Failure {
  readonly text: string;
  readonly exitCode: ExitCode;
}

export function failureOf(error: unknown): Failure {
  const { name, message } = error as Error;
  // yargs throws its own class for what the user typed.
  if (error instanceof UsageError || name === "YError") {
    return { text: usageText(message), exitCode: exitCodes.usage };
  }
  if (error instanceof ConfigError) return { text: message, exitCode: exitCodes.badConfiguration };
  if (error instanceof AgentUnreachableError) {
    const isForbidden = error.code === "permission-denied";
    return {
      text: message,
      exitCode: isForbidden ? exitCodes.noPermission : exitCodes.unavailable,
    };
  }
  if (error instanceof StoreError) {
    const isForbidden = error.code === "no-permission";
    return {
      text: isForbidden ? `${message}; run it as root or as the user of vmsyncd` : message,
      exitCode: isForbidden ? exitCodes.noPermission : exitCodes.failed,
    };
  }
  if (error instanceof ApiError || error instanceof FailedError) {
    return { text: message, exitCode: exitCodes.failed };
  }
  return { text: `vmsyncctl failed: ${message}`, exitCode: exitCodes.failed };
}

function usageText(message: string): string {
  if (message.startsWith("cannot ")) return message;
  const cause = message.replace(/^Missing required arguments?: (.*)$/, "--$1 is missing");
  return `cannot run vmsyncctl: ${cause}; see --help`;
}
