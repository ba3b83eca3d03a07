// `npm run test:guards [-- GUARD...]`: takes each guard of the judgement and of the observer out in
// turn, and runs the native test that is named for it against a real libvirtd and real QEMUs. The
// test has to be green with the guard and red without it, for the reason that is named: a guard that
// can be taken out unnoticed is not tested.

import { whyNotHere } from "../prepare/machine.ts";
import { installPackages } from "../prepare/packages.ts";
import { type Guard, guardNamed, guards } from "./guards.ts";
import { runTest, type TestChoice } from "./run-test.ts";

/** One line of the table that is printed in the end. */
interface Row {
  readonly guard: string;
  readonly test: string;
  readonly result: string;
  readonly isRight: boolean;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Whether the test is green with every guard in place; each is asked once. */
class GreenTests {
  readonly #asked = new Map<string, Promise<boolean>>();

  isGreen(choice: TestChoice): Promise<boolean> {
    const key = JSON.stringify([choice.test, choice.pattern]);
    const asked = this.#asked.get(key) ?? this.#ask(choice);
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(choice: TestChoice): Promise<boolean> {
    const { passed, failures, seconds, output } = await runTest(choice);
    const isGreen = passed > 0 && failures.length === 0;
    const colour = isGreen ? "green" : "not green";
    say(`${choice.test} -t "${choice.pattern}": ${colour} after ${seconds.toFixed(0)} s`);
    if (!isGreen) say(output);
    return isGreen;
  }
}

/** Takes one guard out; says in the row what came of it. */
async function rowOf(guard: Guard, green: GreenTests): Promise<Row> {
  const row = { guard: guard.name, test: guard.test };
  if (!(await green.isGreen(guard))) {
    return { ...row, result: "NOT SHOWN: the test is not green with it", isRight: false };
  }
  const { seconds, failures, planted, output } = await runTest(guard, guard);
  const after = `after ${seconds.toFixed(0)} s`;
  const unloaded = guard.replacements.find(({ file }) => !planted.has(file));
  const [failure] = failures;
  let problem: string | undefined;
  if (unloaded !== undefined) problem = `CANNOT TAKE OUT: src/${unloaded.file} was not loaded`;
  else if (failure === undefined) problem = `STAYED GREEN ${after}`;
  else if (!failure.includes(guard.says)) problem = `RED FOR ANOTHER REASON ${after}`;
  if (problem === undefined) {
    say(`without ${guard.name}: red ${after}`);
    return { ...row, result: `red ${after}`, isRight: true };
  }
  say(`without ${guard.name}: ${problem}\n${output}`);
  return { ...row, result: problem, isRight: false };
}

function printTable(rows: readonly Row[]): void {
  const titles = { guard: "guard", test: "test", result: "without it" };
  const lines = [titles, ...rows];
  const width = (column: "guard" | "test"): number =>
    Math.max(...lines.map((line) => line[column].length));
  const [first, second] = [width("guard"), width("test")];
  say("");
  for (const { guard, test, result } of lines) {
    say(`${guard.padEnd(first)}  ${test.padEnd(second)}  ${result}`);
  }
}

async function main(names: readonly string[]): Promise<number> {
  const reason = whyNotHere();
  if (reason !== undefined) throw new Error(`cannot run the native tests here: ${reason}`);
  const chosen = names.length === 0 ? guards : names.map(guardNamed);
  installPackages();
  const green = new GreenTests();
  const rows: Row[] = [];
  for (const guard of chosen) rows.push(await rowOf(guard, green));
  printTable(rows);
  const wrong = rows.filter(({ isRight }) => !isRight).length;
  say(`\n${rows.length} guards taken out, ${rows.length - wrong} of them seen by their tests`);
  return wrong === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
