// Virtual time. Events run one after another in the order of their moments; after each, everything
// that was promised has come about before the next one begins. No real timer, no I/O.

/** Whose events wait while it stands still: a stalled process, a suspended host. */
export interface Pausable {
  /** Until then its events are held back. */
  pausedUntilMs: number;
}

interface Event {
  readonly atMs: number;
  /** Order of events of one moment. */
  readonly place: number;
  readonly run: () => void;
  readonly owner: Pausable | undefined;
  /** It leaves no promise behind that somebody waits for. */
  readonly isQuiet: boolean;
}

/**
 * Steps that are queued at once: between two of them Node runs every microtask, and looks for I/O,
 * which there is none of, only once for all.
 */
const stepsAtOnce = 64;

export class Scheduler {
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #places = 0;

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Does something later. */
  after(delayMs: number, run: () => void, owner?: Pausable): void {
    this.at(this.#nowMs + Math.max(0, delayMs), run, owner);
  }

  at(atMs: number, run: () => void, owner?: Pausable, isQuiet = false): void {
    this.#places += 1;
    this.#push({ atMs: Math.max(atMs, this.#nowMs), place: this.#places, run, owner, isQuiet });
  }

  /** Resolves after a while, while its owner does not stand still. */
  sleep(delayMs: number, owner?: Pausable): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve, owner));
  }

  /** Runs every event up to a moment. */
  runUntil(endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const step = (): void => {
        if (isOver) return;
        try {
          if (this.#step(endMs)) return;
          isOver = true;
          this.#nowMs = endMs;
          resolve();
        } catch (error) {
          isOver = true;
          reject(error);
        }
      };
      const queue = (): void => {
        if (isOver) return;
        for (let count = 0; count < stepsAtOnce; count += 1) setImmediate(step);
        setImmediate(queue);
      };
      queue();
    });
  }

  /** Runs events up to the first that may leave promises behind; false: none is left. */
  #step(endMs: number): boolean {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > endMs) return false;
      this.#pop();
      this.#nowMs = event.atMs;
      const { owner } = event;
      if (owner !== undefined && owner.pausedUntilMs > event.atMs) {
        this.#push({ ...event, atMs: owner.pausedUntilMs });
        continue;
      }
      event.run();
      if (!event.isQuiet) return true;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Event, heap[child] as Event))
        child = right;
      const smaller = heap[child] as Event;
      if (isBefore(last, smaller)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs === other.atMs ? one.place < other.place : one.atMs < other.atMs;
}
