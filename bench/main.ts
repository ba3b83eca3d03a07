// `npm run bench [-- --json]`: measures a real agent, and fails if a figure is not what it has to be.

import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { claimsPerFlush, claimsPerSecond, onSlowDisk, syncDuringFlush } from "./claims.ts";
import { type Figure, isMet, tableOf } from "./figures.ts";
import { withManyClaims } from "./many-claims.ts";

const measurements: readonly (readonly [string, () => Promise<Figure[]>])[] = [
  ["one claim at a time", () => claimsPerSecond(1)],
  ["64 claims at a time", () => claimsPerSecond(64)],
  ["flushes", () => claimsPerFlush(64)],
  ["a slow disk", () => onSlowDisk(64)],
  ["flushes of a second", syncDuringFlush],
  ["many claims", withManyClaims],
];

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((argument) => argument !== "--json");
  if (unknown !== undefined) {
    process.stderr.write(
      `cannot run the benchmark: unknown argument '${unknown}'; --json is one\n`,
    );
    return 2;
  }
  if (spawnSync("strace", ["--version"]).status !== 0) {
    process.stderr.write(
      "cannot run the benchmark: it needs strace, to slow the disk; install it\n",
    );
    return 1;
  }
  const figures: Figure[] = [];
  for (const [what, measure] of measurements) {
    process.stderr.write(`measuring: ${what}\n`);
    // One at a time: they would measure each other.
    figures.push(...(await measure()));
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model}, Node ${process.versions.node}`;
  process.stdout.write(
    args.includes("--json")
      ? `${JSON.stringify({ machine, figures }, undefined, 2)}\n`
      : `${machine}\n${tableOf(figures)}`,
  );
  return figures.every(isMet) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
