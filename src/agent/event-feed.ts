// The history as it grows, to whoever follows it: each entry once it is durable, in the order of ids,
// from any id that is still kept. Who is behind reads pages of the store, so nothing is buffered here
// for those who are slow.
//
// INVARIANTS:
// - G1, G7, G8, G9: an entry that tells of a stop is handed over as such only if a report that was
//   sent in the same turn would call the VM stopped, on the evidence of a look that began after the
//   entry was durable. Otherwise it arrives as a stop that is withheld.
// - No entry is left out without a word: where some are missing, a gap is told.

import type { CutReason, GapReason } from "../core/event.ts";
import type { HistoryEntry, StoredHistoryEntry } from "../core/history.ts";
import { isStopSaying, withheldWord } from "../core/report.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { Look } from "./answers.ts";
import type { DurableHistory } from "./durable-history.ts";
import { type Store, StoreFailure } from "./ports.ts";

/** Who follow at a time. */
export const eventConsumersMax = 64;
/** Entries that are read from the store at once. */
const pageEntries = 256;

/** One who follows. Nothing that it is given waits for anything: G1 holds in the turn of the call. */
export interface EventConsumer {
  /** Begins, after this entry; undefined: nothing is durable yet. */
  begin(id: number | undefined): void;
  send(entry: StoredHistoryEntry): void;
  /** Entries are missing: what comes next has this id. */
  gap(reason: GapReason, nextId: number): void;
  /** All up to this entry was told, or is not wanted. */
  passed(id: number): void;
  /** Ends it, with the reason. */
  cut(reason: CutReason): void;
  /** Resolves when it takes more; undefined: it does now. */
  room(): Promise<void> | undefined;
  readonly isGone: boolean;
  /** Calls when it is gone. */
  onGone(leave: () => void): void;
}

/** From where somebody follows. */
export interface EventPosition {
  /** Undefined: the present one. */
  readonly storeId: string | undefined;
  /** The last one that was seen; 0: all that are kept. */
  readonly id: number;
}

export interface FeedPorts {
  readonly storeId: string;
  readonly history: DurableHistory;
  readonly store: Pick<Store, "history">;
  readonly lastLook: () => Look | undefined;
  readonly observe: () => Promise<Look>;
  /** What a report on a look would say of a VM now. */
  readonly sayingNow: (look: Look, vmUuid: VmUuid) => string;
}

/** Where one who follows has got to. */
interface Cursor {
  /** Undefined: at the first entry that becomes durable. */
  id: number | undefined;
  /** To be told before the next entry. */
  gap: GapReason | undefined;
  /** That what comes next does not follow at once needs no word. */
  isFree: boolean;
}

export class EventFeed {
  readonly #ports: FeedPorts;
  #consumers = 0;
  #isReleased = false;
  #total = 0;
  #refused = 0;
  #cut = 0;
  #sent = 0;
  #looking: Promise<Look> | undefined;

  constructor(ports: FeedPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#consumers;
  }

  /** Since the start. */
  get totals() {
    return { followed: this.#total, refused: this.#refused, cut: this.#cut, sent: this.#sent };
  }

  /** Whether there is room for one more; a refusal is counted. */
  admits(): boolean {
    if (this.#consumers < eventConsumersMax) return true;
    this.#refused += 1;
    return false;
  }

  /** A consumer was ended for being slow. */
  noteSlow(): void {
    this.#cut += 1;
  }

  /**
   * Hands over entries until the consumer is gone or cut.
   *
   * @param after undefined: only what happens from now on
   * @param isWanted by the kind under which it was recorded
   */
  async follow(
    consumer: EventConsumer,
    after: EventPosition | undefined,
    isWanted: (entry: HistoryEntry) => boolean,
  ): Promise<void> {
    const cursor = this.#begin(after);
    this.#consumers += 1;
    this.#total += 1;
    consumer.onGone(() => this.#ports.history.wake());
    consumer.begin(cursor.id);
    try {
      while (!this.#isOver(consumer)) await this.#advance(consumer, cursor, isWanted);
      if (!consumer.isGone) this.#end(consumer, "stopping");
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      if (!consumer.isGone) this.#end(consumer, "history-unreadable");
    } finally {
      this.#consumers -= 1;
    }
  }

  /** Ends all, and whoever comes later: the agent stops. */
  release(): void {
    this.#isReleased = true;
    this.#ports.history.wake();
  }

  #begin(after: EventPosition | undefined): Cursor {
    const { lastId } = this.#ports.history;
    if (after === undefined) return { id: lastId, gap: undefined, isFree: false };
    const isOther = after.storeId !== undefined && after.storeId !== this.#ports.storeId;
    if (isOther) return { id: 0, gap: "other-store", isFree: false };
    if (after.id > (lastId ?? 0)) return { id: 0, gap: "unknown-id", isFree: false };
    return { id: after.id, gap: undefined, isFree: after.id === 0 };
  }

  #isOver(consumer: EventConsumer): boolean {
    return this.#isReleased || consumer.isGone;
  }

  #end(consumer: EventConsumer, reason: CutReason): void {
    this.#cut += 1;
    consumer.cut(reason);
  }

  /** Tells what there is, or waits for more. */
  async #advance(
    consumer: EventConsumer,
    cursor: Cursor,
    isWanted: (entry: HistoryEntry) => boolean,
  ): Promise<void> {
    const { history } = this.#ports;
    const { lastId } = history;
    if (cursor.id === undefined && history.firstId !== undefined) cursor.id = history.firstId - 1;
    if (lastId === undefined || cursor.id === undefined || cursor.id >= lastId) {
      await history.next();
      return;
    }
    const page = await this.#page(cursor.id, lastId);
    for (const entry of page) {
      if (this.#isOver(consumer)) return;
      const isNext = entry.id === cursor.id + 1;
      if (cursor.gap !== undefined || !(isNext || cursor.isFree)) {
        consumer.gap(cursor.gap ?? "too-old", entry.id);
      }
      if (isWanted(entry) && !(await this.#tell(consumer, entry))) return;
      [cursor.id, cursor.gap, cursor.isFree] = [entry.id, undefined, false];
      consumer.passed(entry.id);
      await consumer.room();
    }
    if (page.length > 0) return;
    // Everything up to the last entry is no longer kept.
    if (!cursor.isFree || cursor.gap !== undefined) {
      consumer.gap(cursor.gap ?? "too-old", lastId + 1);
    }
    [cursor.id, cursor.gap, cursor.isFree] = [lastId, undefined, false];
    consumer.passed(lastId);
  }

  /** Entries after an id that were acknowledged: of others this run does not know yet. */
  async #page(id: number, lastId: number): Promise<readonly StoredHistoryEntry[]> {
    const { history, store } = this.#ports;
    const recent = history.recentAfter(id);
    if (recent !== undefined) return recent;
    const page = await store.history({ after: id, limit: pageEntries });
    return page.filter((entry) => entry.id <= lastId);
  }

  /** @returns false if the consumer is gone or everything ends */
  async #tell(consumer: EventConsumer, entry: StoredHistoryEntry): Promise<boolean> {
    const { vmUuid } = entry;
    if (vmUuid === undefined || !stopKinds.has(entry.kind)) {
      consumer.send(entry);
      this.#sent += 1;
      return true;
    }
    const look = await this.#lookAfter(entry.id);
    if (this.#isOver(consumer)) return false;
    // From here to the sending nothing else can happen.
    const saying = this.#ports.sayingNow(look, vmUuid);
    consumer.send(isStopSaying(saying) ? entry : withheldStop(entry, saying));
    this.#sent += 1;
    return true;
  }

  /** A look that began after an entry was durable; all who need one share it. */
  async #lookAfter(id: number): Promise<Look> {
    for (;;) {
      const look = this.#ports.lastLook();
      if (look !== undefined && (look.historyId ?? 0) >= id) return look;
      this.#looking ??= this.#ports.observe().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
  }
}

/** Kinds of entries that can be read as a stop of their VM. */
const stopKinds: ReadonlySet<HistoryEntry["kind"]> = new Set([
  "vm-stopped",
  "stop-said",
  "stop-acknowledged",
]);

/** An entry that tells of a stop, without the stop: not even its cause is said. */
function withheldStop(entry: StoredHistoryEntry, saying: string): StoredHistoryEntry {
  const { id, atWallMs, vmUuid, by } = entry;
  return { id, atWallMs, kind: "stop-withheld", vmUuid, by, detail: withheldText(saying) };
}

function withheldText(saying: string): string {
  if (saying.startsWith(withheldWord)) return saying;
  if (saying === "skipped") return `${withheldWord}skipped, an operation on it is in flight`;
  if (saying === "nothing") return `${withheldWord}nothing is known of it now`;
  return `${withheldWord}it is ${saying} now`;
}
