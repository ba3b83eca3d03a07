// Names longer than any of ours are not misspellings of them, and comparing them would take long.
const nameLengthMax = 100;

/**
 * The candidate that `name` is most likely a misspelling of, or undefined if none is near. Case
 * does not count. The first of equally near ones wins. Failing that, one that begins like `name`
 * as far as the shorter goes: "err" for "error", "warning" for "warn".
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > nameLengthMax) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const distanceMax = Math.max(2, Math.floor(Math.max(name.length, candidate.length) * 0.3));
    // Below the whole length, or a name of two letters would resemble every other such name.
    if (distance >= Math.min(name.length, candidate.length)) continue;
    if (distance > distanceMax || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best ?? candidates.find((candidate) => isBeginning(name, candidate));
}

function isBeginning(name: string, candidate: string): boolean {
  const length = Math.min(name.length, candidate.length);
  const start = (text: string) => text.slice(0, length).toLowerCase();
  return length >= 3 && start(name) === start(candidate);
}

/** Levenshtein's distance: insertions, deletions and replacements of one character each. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = at(previous, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1));
    }
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
