#!/usr/bin/env node
// Makes a checkout ready and runs one program of it on the Node that the project pins.
//
//   node bin/setup.mjs                     install what is missing, nothing else
//   node bin/setup.mjs FILE [ARGUMENT...]  install what is missing, then run FILE
//
// This file is plain JavaScript and uses nothing newer than Node 18, because it is what an older
// Node on the machine is asked to run before the pinned one is there.

import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const lockFile = path.join(root, "package-lock.json");
// npm writes this file last, so that its age is the age of the whole installation.
const installed = path.join(root, "node_modules", ".package-lock.json");
const pinnedNode = path.join(root, "node_modules", ".bin", "node");

function isInstalled() {
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** Runs npm ci to its end, also when Ctrl-C ends it: two installations at once would collide. */
async function install() {
  process.stderr.write("installing the dependencies (npm ci)\n");
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  const onSignal = () => npm.kill("SIGTERM");
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const cause = await new Promise((resolve) => {
    npm.on("error", (error) => resolve(error.message));
    npm.on("exit", (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${code ?? signal}`),
    );
  });
  process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  if (cause === undefined) return;
  process.stderr.write(
    `cannot install the dependencies with npm ci: ${cause}; ` +
      "see above, check that the package registry can be reached, and run this again\n",
  );
  process.exit(1);
}

/** The pinned Node; on a platform that it is not packaged for, the running one if new enough. */
function nodeProgram() {
  if (existsSync(pinnedNode)) return pinnedNode;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  process.stderr.write(
    `cannot run vmsyncd: Node 24 or newer is needed and this is ${process.version}; ` +
      "install Node 24, or run npm ci on Linux, which brings it along.\n",
  );
  process.exit(1);
}

function run(file, args) {
  const child = spawn(nodeProgram(), [path.resolve(root, file), ...args], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both processes; a service manager sends SIGTERM to this one alone.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("error", (error) => {
    process.stderr.write(`cannot run ${file}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

if (!isInstalled()) await install();
const [file, ...args] = process.argv.slice(2);
if (file !== undefined) run(file, args);
