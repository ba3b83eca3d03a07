// Whether a command line names a command, asked before the parser reads it: of what it does not know
// the parser names all words, and guesses at the last.

import { nearest } from "../config/nearest.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/**
 * @param valued options of all commands that take a value, without their dashes
 * @throws UsageError that names the word that is no command
 */
export function checkCommandWords(
  argv: readonly string[],
  commands: readonly Command[],
  valued: readonly string[],
): void {
  if (argv.includes("--help")) return;
  const [first, second] = wordsOf(argv, valued);
  if (first === undefined) return;
  const group = commands.filter(({ words }) => words[0] === first);
  if (group.length === 0) throw unknown("vmsyncctl", first, commands.map(firstWord));
  const names = group.flatMap(({ words }) => words.slice(1));
  if (second === undefined || names.length === 0 || names.includes(second)) return;
  throw unknown(first, second, names);
}

function firstWord({ words }: Command): string {
  return words[0];
}

/** The words that are neither options nor their values. */
function wordsOf(argv: readonly string[], valued: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") break;
    if (!word.startsWith("-")) words.push(word);
    else if (word.startsWith("--") && valued.includes(word.slice(2))) at += 1;
  }
  return words;
}

function unknown(of: string, word: string, names: readonly string[]): UsageError {
  const near = nearest(word, names);
  const guess = near === undefined ? "" : `, did you mean '${near}'?`;
  return new UsageError(`cannot run ${of}: there is no command '${word}'${guess}; see --help`);
}
