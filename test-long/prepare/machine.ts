import { spawnSync } from "node:child_process";

/** Why the long tests cannot run on this machine, as a sentence; undefined if they can. */
export function whyNotHere(): string | undefined {
  if (process.platform !== "linux") {
    return `they need Linux, for its clocks and its system calls, and this is ${process.platform}`;
  }
  if (process.getuid?.() !== 0) {
    return "they need root, to make namespaces and a full disk; run them with sudo";
  }
  return whyNoBoot() ?? whyNoTrace();
}

function whyNoBoot(): string | undefined {
  const namespaces = ["--mount", "--propagation", "private", "--time", "--boottime", "1000"];
  const cause = whyNot("unshare", [...namespaces, "true"]);
  if (cause === undefined) return undefined;
  return `they need mount and time namespaces, which a container often forbids: ${cause}`;
}

function whyNoTrace(): string | undefined {
  const cause = whyNot("strace", ["--follow-forks", "--output=/dev/null", "true"]);
  return cause && `they need strace, which a container often forbids: ${cause}`;
}

function whyNot(program: string, args: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim();
}
