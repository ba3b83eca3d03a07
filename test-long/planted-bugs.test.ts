// The simulation finds every planted bug, each alone, and finds nothing where none is planted.

import { expect, test } from "vitest";
import { plantedBugs } from "../test/sim/bugs.ts";
import { runHistories } from "../test/sim/pool.ts";

/** Each planted bug has to be found within so many histories. */
const bugHistoriesMax = 5_000;
/** More than `npm test` runs, and other ones each time. */
const soundHistories = 20_000;
/** VMSYNCD_LONG_SEED chooses the first seed. */
const seed = Number(process.env["VMSYNCD_LONG_SEED"] ?? Date.now() % 1_000_000_000);
const timeout = 1_200_000;

test.each(plantedBugs)("$name is found", { timeout }, async ({ name }) => {
  const { histories, failure } = await runHistories(1, bugHistoriesMax, name);
  const [violation] = failure?.violations ?? [];
  process.stdout.write(`${name}: ${histories} histories, ${violation?.guarantee ?? "not found"}\n`);
  expect(violation).toBeDefined();
});

test("nothing is found where no bug is planted", { timeout }, async () => {
  process.stdout.write(`no bug: ${soundHistories} histories from seed ${seed}\n`);
  const { failure } = await runHistories(seed, soundHistories, undefined);
  expect(failure).toBeUndefined();
});
