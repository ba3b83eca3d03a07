// A consumer of events that keeps what it is told, in words, and takes as much as a test lets it.

import type { EventConsumer } from "../../src/agent/event-feed.ts";
import type { CutReason, GapReason } from "../../src/core/event.ts";
import type { StoredHistoryEntry } from "../../src/core/history.ts";

export class RecordingConsumer implements EventConsumer {
  readonly entries: StoredHistoryEntry[] = [];
  /** All that it was told, in order: "12 vm-stopped", "gap too-old 7", "cut stopping". */
  readonly told: string[] = [];
  begunAt: number | undefined;
  passedId: number | undefined;
  isGone = false;
  /** Called when an event arrives. */
  onEntry: (entry: StoredHistoryEntry) => void = () => {};
  #room: PromiseWithResolvers<void> | undefined;
  readonly #leaving: (() => void)[] = [];

  begin(id: number | undefined): void {
    this.begunAt = id;
  }

  send(entry: StoredHistoryEntry): void {
    this.onEntry(entry);
    this.entries.push(entry);
    this.told.push(`${entry.id} ${entry.kind}`);
  }

  gap(reason: GapReason, nextId: number): void {
    this.told.push(`gap ${reason} ${nextId}`);
  }

  passed(id: number): void {
    this.passedId = id;
  }

  cut(reason: CutReason): void {
    this.told.push(`cut ${reason}`);
    this.isGone = true;
  }

  room(): Promise<void> | undefined {
    return this.#room?.promise;
  }

  onGone(leave: () => void): void {
    this.#leaving.push(leave);
  }

  /** It takes no more, until `resume`. */
  pause(): void {
    this.#room = Promise.withResolvers<void>();
  }

  resume(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  leave(): void {
    this.isGone = true;
    for (const leave of this.#leaving) leave();
  }
}
