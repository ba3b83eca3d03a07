#!/usr/bin/env node
// Starts the daemon. Plain JavaScript, so that an older Node can read it and say what is needed.

import process from "node:process";

if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(
    `vmsyncd needs Node 24 or newer, and this is ${process.version}: in a checkout, run npm ci and then node_modules/.bin/node bin/vmsyncd.mjs.\n`,
  );
  process.exit(1);
}

const { keepCompiled } = await import("./compile-cache.mjs");
keepCompiled();
const { main } = await import("../src/main.ts");
await main(process.argv.slice(2));
