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
  return spawn("nsenter", [...insideOf(host, "mount", "pid"), program, ...args], { stdio: "pipe" });
}

/** The arguments of nsenter that come before a program: it runs in these namespaces of the host. */
export function insideOf(host: PrivateHost, ...namespaces: readonly ("mount" | "pid")[]): string[] {
  const init = /^\/proc\/(\d+)\//.exec(host.procPath)?.[1];
  if (init === undefined) throw new Error(`cannot find the init of the host: ${host.procPath}`);
  return ["--target", init, ...namespaces.map((namespace) => `--${namespace}`), "--"];
}
