// The end of the history that is durable: its last id, its last entries, and who waits for the next
// one. What is not here is read from the store.

import type { HistoryEntry, StoredHistoryEntry } from "../core/history.ts";

/** Entries that are kept in memory, so that those who follow do not each read them from the disk. */
const recentMax = 1_000;

export class DurableHistory {
  #lastId: number | undefined;
  #firstId: number | undefined;
  /** Without a gap, up to `lastId`. */
  #recent: StoredHistoryEntry[] = [];
  readonly #waiting = new Set<() => void>();

  /** Id of the last entry; undefined before the first write of this run. */
  get lastId(): number | undefined {
    return this.#lastId;
  }

  /** Id of the first entry of this run; undefined before its first write. */
  get firstId(): number | undefined {
    return this.#firstId;
  }

  /**
   * A write was acknowledged.
   *
   * @param lastId id of the last entry of the store
   */
  grew(entries: readonly HistoryEntry[], lastId: number): void {
    const firstId = lastId - entries.length + 1;
    const stored = entries.map((entry, place) => ({ ...entry, id: firstId + place }));
    // A write whose acknowledgement was lost has left entries that are not known here.
    const isNext = this.#lastId !== undefined && this.#lastId + 1 === firstId;
    this.#recent = [...(isNext ? this.#recent : []), ...stored].slice(-recentMax);
    this.#firstId ??= firstId;
    this.#lastId = lastId;
    if (entries.length > 0) this.wake();
  }

  /** Entries after an id, oldest first; undefined: they are no longer in memory. */
  recentAfter(id: number): readonly StoredHistoryEntry[] | undefined {
    if (id === this.#lastId) return [];
    const first = this.#recent[0];
    if (first === undefined || id + 1 < first.id) return undefined;
    return this.#recent.slice(id + 1 - first.id);
  }

  /** Resolves when there are more entries, or `wake` is called. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    return promise;
  }

  /** Lets everybody look again. */
  wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
