// Installs the oracle: a binding of libvirt's C library, which npm compiles. It has a package.json
// of its own, so that whoever only uses or unit-tests the agent needs neither compiler nor headers.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

const nativeTest = path.dirname(import.meta.dirname);
const lockFile = path.join(nativeTest, "package-lock.json");
/** Written last: its age is that of a whole installation, its text what that was built for. */
const stampFile = path.join(nativeTest, "node_modules", ".built-for");
const builtFor = `${process.platform} ${process.arch} modules ${process.versions.modules}\n`;

/** Installs and compiles the oracle for the running Node, if that was not done before. */
export function installOracle(): void {
  if (isInstalled()) return;
  process.stderr.write("compiling the oracle (npm ci in native-test)\n");
  const { status, signal, error } = spawnSync(
    "npm",
    ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: nativeTest, env: compilerEnvironment(), stdio: ["ignore", 2, 2] },
  );
  if (status !== 0) {
    const cause = error?.message ?? `npm ci ended with ${status ?? signal}`;
    throw new Error(`cannot install the oracle: ${cause}`);
  }
  writeFileSync(stampFile, builtFor);
}

function isInstalled(): boolean {
  if (!existsSync(stampFile)) return false;
  const isNewer = statSync(stampFile).mtimeMs >= statSync(lockFile).mtimeMs;
  return isNewer && readFileSync(stampFile, "utf8") === builtFor;
}

/** npm and the compilation on the running Node, with that Node's own headers: nothing to fetch. */
function compilerEnvironment(): NodeJS.ProcessEnv {
  const programs = path.dirname(process.execPath);
  const nodeFolder = path.dirname(programs);
  const headers = path.join(nodeFolder, "include", "node", "node_api.h");
  if (!existsSync(headers)) {
    throw new Error(`cannot compile the oracle: there is no ${headers}; npm ci brings it along`);
  }
  return {
    ...process.env,
    PATH: `${programs}:${process.env["PATH"]}`,
    npm_config_build_from_source: "true",
    npm_config_nodedir: nodeFolder,
  };
}
