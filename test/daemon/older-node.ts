// A Node that is too old for this project, if the machine has one: the launchers have to say so in
// words that it can read.

import { spawnSync } from "node:child_process";
import path from "node:path";

function versionOf(program: string): number {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return Number(/^v(\d+)\./.exec(stdout ?? "")?.[1] ?? Number.NaN);
}

/** Its path; undefined if there is none. */
export function findOlderNode(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/bin", "/usr/local/bin"];
  return folders
    .filter((folder) => path.isAbsolute(folder) && !folder.includes("node_modules"))
    .map((folder) => path.join(folder, "node"))
    .find((program) => versionOf(program) < 24);
}
