// How many columns a text takes on a terminal. Letters of East Asia and emoji take two, marks that
// sit on the letter before them none (Unicode Standard Annex 11).

import { stripVTControlCharacters } from "node:util";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

const plain = /^[\u0020-\u007e]*$/;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
const wide =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u;
const emoji = /^\p{Emoji_Presentation}|\ufe0f/u;

export function textWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    if (zeroWidth.test(segment)) continue;
    columns += wide.test(segment) || emoji.test(segment) ? 2 : 1;
  }
  return columns;
}

/** With spaces behind it, to so many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - textWidth(text)));
}

/** Lines of at most `columns`, broken between words; a longer word stays whole. */
export function wrapWords(text: string, indent: string, columns: number): string[] {
  const room = columns - textWidth(indent);
  const lines: string[] = [];
  let line: string | undefined;
  let width = 0;
  for (const word of text.split(" ")) {
    const wordWidth = textWidth(word);
    if (line === undefined || width + 1 + wordWidth > room) {
      if (line !== undefined) lines.push(indent + line);
      [line, width] = [word, wordWidth];
    } else {
      [line, width] = [`${line} ${word}`, width + 1 + wordWidth];
    }
  }
  return [...lines, indent + (line ?? "")];
}
