// What a command writes to: the text of people and machines goes to standard output, everything
// else to standard error.

export interface Terminal {
  /** Columns of the terminal; undefined when the output is no terminal. */
  readonly columns: number | undefined;
  out(text: string): void;
  error(text: string): void;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    out: (text) => void process.stdout.write(`${text}\n`),
    error: (text) => void process.stderr.write(`${text}\n`),
  };
}

// Control characters, and the marks that turn the direction of text: a VM's name must not be able
// to move the cursor or to reorder a line.
const unprintable = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu;

/** Text from elsewhere, fit to be shown on one line of a terminal. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, "\ufffd");
}
