// What a command writes to: the text of people and machines goes to standard output, everything
// else to standard error.

import { createInterface } from "node:readline";
import { exitCodes } from "./exit-codes.ts";

export interface Terminal {
  /** Columns of the terminal; undefined when the output is no terminal. */
  readonly columns: number | undefined;
  /** The same of standard error. */
  readonly errorColumns: number | undefined;
  out(text: string): void;
  error(text: string): void;
  /** Asks the person at the terminal and gives the answer; undefined: nobody is there. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** Aborted when the person presses Ctrl-C, which from then on does not end the program. */
  readonly interrupted?: (() => AbortSignal) | undefined;
}

/** The terminal of this process. What cannot be written ends the process. */
export function processTerminal(): Terminal {
  process.stdout.once("error", ({ code, message }: NodeJS.ErrnoException) => {
    // A reader that has enough (`| head`) is no failure; a full disk is.
    if (code === "EPIPE") process.exit(exitCodes.ok);
    process.stderr.write(`cannot write the output: ${message}\n`);
    process.exit(exitCodes.failed);
  });
  return {
    // A terminal that was given no size says 0.
    columns: (process.stdout.isTTY && process.stdout.columns) || undefined,
    errorColumns: (process.stderr.isTTY && process.stderr.columns) || undefined,
    out: (text) => void process.stdout.write(`${text}\n`),
    error: (text) => void process.stderr.write(`${text}\n`),
    ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
    interrupted,
  };
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  // A second Ctrl-C ends the program at once: the handler is gone by then.
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}

/** On standard error, for standard output may go to a program. The end of the input is no answer. */
async function ask(question: string): Promise<string> {
  using lines = createInterface({ input: process.stdin, output: process.stderr });
  const { promise, resolve } = Promise.withResolvers<string>();
  let isAnswered = false;
  lines.once("close", () => {
    // What is said next does not belong behind the question.
    if (!isAnswered) process.stderr.write("\n");
    resolve("");
  });
  lines.question(question, (answer) => {
    isAnswered = true;
    resolve(answer);
  });
  return await promise;
}

// Control characters, and the marks that turn the direction of text: a VM's name must not be able
// to move the cursor or to reorder a line.
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu;

/** Text from elsewhere, fit to be shown on one line of a terminal. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, "\ufffd");
}

/** JSON for machines that a terminal can show as well: what is unprintable is escaped. */
export function jsonText(value: unknown): string {
  // JSON.stringify indents with line feeds, and within its strings escapes those that are there.
  const lines = JSON.stringify(value, undefined, 2).split("\n");
  return lines.map((line) => line.replaceAll(unprintable, escaped)).join("\n");
}

/** The same on one line. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(unprintable, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
