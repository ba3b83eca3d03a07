// What was acknowledged survives kill -9 (G2), and orphans end when they should (G4): a real process on
// a real store, killed some hundred times.

import { expect, test } from "vitest";
import { type RoundsOptions, runRounds } from "./rounds/rounds.ts";

/** VMSYNCD_LONG_ROUNDS asks for more; nothing makes it fewer. */
const rounds = Math.max(300, Number(process.env["VMSYNCD_LONG_ROUNDS"] ?? 0));
/** VMSYNCD_LONG_SEED chooses what is done, though not how the machine times it. */
const seed = Number(process.env["VMSYNCD_LONG_SEED"] ?? Date.now() % 1_000_000_000);
const timeout = rounds * 6_000 + 120_000;

/** The least that must have been done of each, for the rounds to show anything. */
const least = {
  claims: rounds,
  continues: rounds / 2,
  lists: rounds / 10,
  departures: rounds / 10,
  takenBack: rounds / 10,
  newEpochs: rounds / 20,
  givenUp: rounds / 10,
  refusedLate: rounds / 20,
  orphansExpired: rounds / 2,
  unanswered: rounds,
  reads: rounds,
  killsDuringStart: rounds / 20,
  killsAmidStatements: rounds / 4,
  agentEpoch: rounds,
};

/** Runs the rounds, which throw if anything is lost. @returns what there was too little of */
async function tooLittle(what: string, options: Partial<RoundsOptions>): Promise<string[]> {
  process.stdout.write(`${what}: ${rounds} rounds, seed ${seed}\n`);
  const summary = await runRounds({ rounds, seed, ...options });
  process.stdout.write(`${what}: ${JSON.stringify(summary)}\n`);
  return Object.entries(least)
    .filter(([name, count]) => (summary[name] ?? 0) < count)
    .map(([name]) => name);
}

test("what was acknowledged survives kill -9 at any moment", { timeout }, async () => {
  expect(await tooLittle("kill -9", {})).toEqual([]);
});

test("and steps of the wall clock by hours, forward and back", { timeout }, async () => {
  const what = "kill -9 and steps of the wall clock";
  expect(await tooLittle(what, { wallClockSteps: true })).toEqual([]);
});

test("and starts in another boot, with the wall time that passed", { timeout }, async () => {
  const what = "kill -9 and other boots";
  expect(await tooLittle(what, { wallClockSteps: true, reboots: true })).toEqual([]);
});
