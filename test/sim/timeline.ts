// What happened in a world, in order, as lines that people read and as one number that tells whether
// two runs were the same.

export interface TimelineEntry {
  readonly atMs: number;
  /** Who did it or to whom it happened: a host, an agent, a management node. */
  readonly who: string;
  readonly text: string;
}

export class Timeline {
  readonly entries: TimelineEntry[] = [];
  #high = 0x811c9dc5;
  #low = 0x9e3779b9;

  note(atMs: number, who: string, text: string): void {
    this.entries.push({ atMs, who, text });
    this.#mix(`${atMs} ${who} ${text}`);
  }

  /** Of everything noted so far; 16 hex digits. */
  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
    return `${hex(this.#high)}${hex(this.#low)}`;
  }

  #mix(text: string): void {
    let high = this.#high;
    let low = this.#low;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code, 0x5bd1e995) ^ (low >>> 13);
    }
    this.#high = high;
    this.#low = low;
  }
}

/** A line per entry: minutes:seconds.milliseconds, who, what. */
export function readable(entries: readonly TimelineEntry[]): string {
  return entries
    .map(({ atMs, who, text }) => `${clockText(atMs)}  ${who.padEnd(9)} ${text}`)
    .join("\n");
}

function clockText(atMs: number): string {
  const minutes = Math.floor(atMs / 60_000);
  const seconds = ((atMs % 60_000) / 1000).toFixed(3);
  return `${String(minutes).padStart(3)}:${seconds.padStart(6, "0")}`;
}
