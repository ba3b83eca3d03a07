// What was measured, with what it has to be.

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** It must be below this, or at least that; neither: it is only shown. */
  readonly below?: number;
  readonly atLeast?: number;
}

/** Whether a figure is as it has to be. */
export function isMet({ value, below, atLeast }: Figure): boolean {
  if (below !== undefined && !(value < below)) return false;
  return atLeast === undefined || value >= atLeast;
}

/** The figures as lines: name, value, what it has to be. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.name,
    shown(figure.value),
    figure.unit,
    demandOf(figure),
    isMet(figure) ? "" : "NOT MET",
  ]);
  const widths = [0, 1, 2, 3].map((column) => {
    return Math.max(...rows.map((row) => row[column]?.length ?? 0));
  });
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 1 ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join("  ").trimEnd();
  });
  return `${lines.join("\n")}\n`;
}

function demandOf({ below, atLeast }: Figure): string {
  if (below !== undefined) return `< ${below}`;
  return atLeast === undefined ? "" : `>= ${atLeast}`;
}

function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
