// `npm run test:long [-- FILE...]`: installs what the long tests need, then runs them: a real agent
// that is killed some hundred times, traced, and given a bad disk.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import path from "node:path";
import { installMissing } from "../native-test/prepare/packages.ts";
import { whyNotHere } from "./prepare/machine.ts";

const root = path.dirname(import.meta.dirname);
const vitest = path.join(root, "node_modules", ".bin", "vitest");

/** A wall clock that can be set, and the view of system calls. */
const packages = ["faketime", "strace"];

/** Runs vitest with `args` added; resolves with its exit code. */
async function runTests(args: readonly string[]): Promise<number> {
  const config = path.join(import.meta.dirname, "vitest.config.ts");
  // Named with its Node: by itself it would run on whatever Node comes first on the PATH.
  const child = spawn(process.execPath, [vitest, "run", "--config", config, ...args], {
    cwd: root,
    stdio: "inherit",
  });
  // A terminal sends Ctrl-C to vitest as well; SIGTERM comes to this process alone.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? "SIGTERM"];
}

/** Makes the machine ready. @returns why it cannot be; undefined: it is */
function prepare(): string | undefined {
  try {
    installMissing(packages);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return whyNotHere();
}

async function main(): Promise<number> {
  const reason = prepare();
  if (reason === undefined) return await runTests(process.argv.slice(2));
  process.stderr.write(`cannot run the long tests here: ${reason}.\n`);
  return 1;
}

process.exitCode = await main();
