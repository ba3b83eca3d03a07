// Commands that are shown to be copied into a shell.

import { printable } from "./terminal.ts";

/** An option with its value, in the form that takes any value. */
export function optionWords(option: string, value: string): string[] {
  return value.startsWith("-") ? [`${option}=${value}`] : [option, value];
}

/** One line for a POSIX shell; what a terminal cannot show takes bash. */
export function shellLine(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

function shellWord(text: string): string {
  if (/^[\w./:@=-]+$/.test(text)) return text;
  const quoted = text.replaceAll("'", `'\\''`);
  return printable(text) === text ? `'${quoted}'` : `$'${escaped(text)}'`;
}

/** The marks that turn the direction of text, and everything else that is not shown as it is. */
function escaped(text: string): string {
  const characters = [...text].map((character) => {
    if (character === "'" || character === "\\") return `\\${character}`;
    if (printable(character) === character) return character;
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
  return characters.join("");
}
