// Tables for people: columns as wide as their content, and never wider than the terminal.

import { stripVTControlCharacters } from "node:util";
import { printable, type Terminal } from "./terminal.ts";

const gap = "  ";
/** Narrowest that a column is cut to. */
const columnWidthMin = 8;

/**
 * Lines of a table with a heading. On a terminal the widest columns are cut until a line fits;
 * elsewhere nothing is cut. The first column identifies the row and is cut last. Columns that are
 * empty in every row are left out.
 *
 * @param kept headings of columns that are cut only when the others are narrow
 */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  terminal: Pick<Terminal, "columns">,
  kept: readonly string[] = [],
): string[] {
  const cleaned = rows.map((row) => row.map(printable));
  const used = headings.flatMap((_, at) => (cleaned.some((row) => row[at]) ? [at] : []));
  const pick = (row: readonly string[]): string[] => used.map((at) => row[at] ?? "");
  const lines = [pick(headings), ...cleaned.map(pick)];
  const widths = used.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ""))));
  if (terminal.columns !== undefined) {
    const isKept = pick(headings).map((heading) => kept.includes(heading));
    shrink(widths, terminal.columns, isKept);
  }
  return lines.map((line) => {
    return line
      .map((cell, at) => fit(cell, widths[at] ?? 0))
      .join(gap)
      .trimEnd();
  });
}

/**
 * Takes from the widest column until all fit; from those that are kept, and then from the first,
 * only when the others are narrow.
 */
function shrink(widths: number[], columns: number, isKept: readonly boolean[]): void {
  const total = (): number =>
    widths.reduce((sum, one) => sum + one, 0) + gap.length * (widths.length - 1);
  const order = [
    widths.flatMap((_, at) => (at > 0 && !isKept[at] ? [at] : [])),
    widths.flatMap((_, at) => (at > 0 && isKept[at] ? [at] : [])),
    [0],
  ];
  for (const group of order) {
    while (total() > columns) {
      const widest = Math.max(0, ...group.map((at) => widths[at] ?? 0));
      if (widest <= columnWidthMin) break;
      const at = group.findLast((one) => widths[one] === widest) ?? 0;
      widths[at] = widest - 1;
    }
  }
}

function fit(cell: string, columns: number): string {
  if (width(cell) <= columns) return cell.padEnd(columns);
  return `${[...cell].slice(0, columns - 1).join("")}…`;
}

function width(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
