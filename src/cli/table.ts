// Tables for people: columns as wide as their content. Where a terminal is too narrow for one nothing
// is cut, for what is cut is what was looked for: each row is a block of lines then.

import { printable, type Terminal } from "./terminal.ts";
import { padToWidth, textWidth, wrapWords } from "./width.ts";

const gap = "  ";
/** Of what a line of a block has to be continued with. */
const blockIndent = "  ";

/** Lines of a table with a heading. Columns that are empty in every row are left out. */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { columns }: Pick<Terminal, "columns">,
): string[] {
  const cleaned = rows.map((row) => row.map(printable));
  const used = headings.flatMap((_, at) => (cleaned.some((row) => row[at]) ? [at] : []));
  const pick = (row: readonly string[]): string[] => used.map((at) => row[at] ?? "");
  const lines = [pick(headings), ...cleaned.map(pick)];
  const widths = used.map((_, at) => Math.max(...lines.map((line) => textWidth(line[at] ?? ""))));
  const total = widths.reduce((sum, one) => sum + gap.length + one, -gap.length);
  if (columns !== undefined && total > columns) return blocks(lines, columns);
  return lines.map((line) => {
    return line
      .map((cell, at) => padToWidth(cell, widths[at] ?? 0))
      .join(gap)
      .trimEnd();
  });
}

/** "HEADING: cell" for each cell that says something, and an empty line between two rows. */
function blocks([headings = [], ...rows]: readonly string[][], columns: number): string[] {
  return rows.flatMap((row, at) => {
    const cells = row.flatMap((cell, place) => {
      if (cell === "") return [];
      const [first = "", ...more] = wrapWords(`${headings[place]}: ${cell}`, "", columns);
      const rest = more.length === 0 ? [] : wrapWords(more.join(" "), blockIndent, columns);
      return [first, ...rest];
    });
    return at === 0 ? cells : ["", ...cells];
  });
}
