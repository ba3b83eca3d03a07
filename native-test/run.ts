// `npm run test:native [-- FILE...]`: installs what the native tests need, then runs them against a
// real libvirtd and real QEMUs, each in a private host that leaves nothing behind.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import path from "node:path";
import { whyNotHere } from "./prepare/machine.ts";
import { installOracle } from "./prepare/oracle.ts";
import { installPackages } from "./prepare/packages.ts";

const root = path.dirname(import.meta.dirname);
const vitest = path.join(root, "node_modules", ".bin", "vitest");

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

function version(program: string): string {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return /\d+(?:\.\d+)+/.exec(stdout ?? "")?.[0] ?? "of unknown version";
}

async function main(): Promise<number> {
  const reason = whyNotHere();
  if (reason !== undefined) {
    process.stderr.write(`cannot run the native tests here: ${reason}.\n`);
    return 1;
  }
  try {
    installPackages();
    installOracle();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  const code = await runTests(process.argv.slice(2));
  const against = `libvirt ${version("virsh")} and QEMU ${version("qemu-system-x86_64")}`;
  const verdict = code === 0 ? "passed" : `failed (vitest ended with ${code})`;
  process.stderr.write(`The native tests ${verdict} against ${against}.\n`);
  return code;
}

process.exitCode = await main();
