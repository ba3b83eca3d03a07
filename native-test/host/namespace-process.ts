// Programs of a test's own on a private host, where they have the host's process table and files.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { PrivateHost } from "./private-host.ts";

/**
 * Runs a program in the namespaces of a host, with its input open: a program that reads from it
 * waits until the input is ended, or the host is.
 */
export function spawnOnHost(
  host: PrivateHost,
  program: string,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  const init = /^\/proc\/(\d+)\//.exec(host.procPath)?.[1];
  if (init === undefined) throw new Error(`cannot find the init of the host: ${host.procPath}`);
  const inside = ["--target", init, "--mount", "--pid", "--", program, ...args];
  return spawn("nsenter", inside, { stdio: "pipe" });
}
