// Sentences for people: wrapped between words on a terminal, whole elsewhere.

import { printable, type Terminal } from "./terminal.ts";
import { textWidth, wrapWords } from "./width.ts";

type Width = Pick<Terminal, "columns">;

/** A text behind a heading; further lines stand below its beginning. */
export function proseLines(heading: string, text: string, { columns }: Width): string[] {
  const head = printable(heading);
  const indent = " ".repeat(textWidth(head));
  const lines = wrapWords(printable(text), indent, columns ?? Number.POSITIVE_INFINITY);
  return lines.map((line, at) => (at === 0 ? head + line.slice(indent.length) : line));
}

/** Says a text on standard output. */
export function say(terminal: Terminal, text: string, heading = ""): void {
  for (const line of proseLines(heading, text, terminal)) terminal.out(line);
}

/** Shows a command on a line of its own, unbroken, so that it can be copied. */
export function showCommand(terminal: Terminal, command: string, heading = "  "): void {
  terminal.out(printable(`${heading}${command}`));
}

/** Says a text on standard error. */
export function warn(terminal: Terminal, text: string): void {
  const width = { columns: terminal.errorColumns };
  for (const line of proseLines("", text, width)) terminal.error(line);
}

/** Says of a change that the disk refused that it holds all the same, until a restart. */
export function warnUnlessDurable(terminal: Terminal, { durable }: { durable: boolean }): void {
  if (durable) return;
  warn(
    terminal,
    "The disk did not take this: it holds while vmsyncd runs, and is lost if it is restarted before the store can be written. See vmsyncctl status.",
  );
}
