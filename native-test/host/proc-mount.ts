// The process table of a private host, mounted once more with other options.

import { execFileSync } from "node:child_process";
import { insideOf } from "./namespace-process.ts";
import type { PrivateHost } from "./private-host.ts";

/** Mounts it on a folder of the machine; unmounted when disposed of. */
export function mountProc(host: PrivateHost, folder: string, options: string): Disposable {
  const mount = ["mount", "-t", "proc", "-o", options, "proc", folder];
  execFileSync("nsenter", [...insideOf(host, "pid"), ...mount]);
  return { [Symbol.dispose]: () => void execFileSync("umount", [folder]) };
}
