// Questions that wait until what reports say changes. They make no looks of their own: while some are
// held, the agent looks once more, for all of them together, when something has stirred: libvirt told
// of a domain, or the skip list changed what the last look says. A change of which nothing tells is
// found by the next look that anybody asks for, at the latest by the background one.
//
// INVARIANT: a question is answered from a look that began after it was asked, and its answer is
// filtered when it is sent: what is kept here says only whom to wake.

import type { Look } from "./answers.ts";

/** Questions that are held at a time. */
export const heldQuestionsMax = 128;

/** What is asked of the host's watch. */
export interface HeldPorts {
  /** The last look; undefined before the first. */
  readonly lastLook: () => Look | undefined;
  /** Rises when a report on the same look may say something else. */
  readonly filterRevision: () => number;
  readonly observe: () => void;
}

interface Held {
  readonly isKnown: (look: Look) => boolean;
  readonly untilMs: number;
  readonly answer: (look: Look | undefined) => void;
}

export class HeldQuestions {
  readonly #ports: HeldPorts;
  readonly #held = new Set<Held>();
  #hasNews = false;
  #checkedRevision = -1;
  #isReleased = false;
  #total = 0;
  #refused = 0;

  constructor(ports: HeldPorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Since the start. */
  get totals(): { readonly held: number; readonly refused: number } {
    return { held: this.#total, refused: this.#refused };
  }

  /** Whether there is room for one more; a refusal is counted. */
  admits(): boolean {
    if (this.#held.size < heldQuestionsMax) return true;
    this.#refused += 1;
    return false;
  }

  /**
   * Holds a question until what it knows is no longer so, or its time is over.
   *
   * @param look one that began after the question arrived, and of which it knows everything
   * @param isKnown whether a report on a look would say now what who asks knows already
   * @param onGone takes what is to be called when who asks goes away
   * @returns the look to answer from; undefined: who asked is gone
   */
  hold(
    look: Look,
    isKnown: (look: Look) => boolean,
    untilMs: number,
    onGone: (leave: () => void) => void,
  ): Promise<Look | undefined> {
    if (this.#isReleased) return Promise.resolve(look);
    const { promise, resolve } = Promise.withResolvers<Look | undefined>();
    const held: Held = {
      isKnown,
      untilMs,
      answer: (last) => {
        if (this.#held.delete(held)) resolve(last);
      },
    };
    this.#held.add(held);
    this.#total += 1;
    // It may have stirred before this one came.
    this.#checkedRevision = -1;
    onGone(() => held.answer(undefined));
    return promise;
  }

  /** libvirt told of a domain, or is back. */
  heard(): void {
    this.#hasNews = true;
  }

  /** A look begins: what was heard until now it will show. */
  looking(): void {
    this.#hasNews = false;
  }

  /** A look has ended. */
  looked(look: Look): void {
    for (const held of this.#held) if (!held.isKnown(look)) held.answer(look);
  }

  /** Answers those whose time is over, and looks if something has stirred. */
  tick(nowMs: number): void {
    if (this.#held.size === 0) return;
    const look = this.#ports.lastLook();
    if (look === undefined) return;
    for (const held of this.#held) if (nowMs >= held.untilMs) held.answer(look);
    if (this.#hasNews || this.#isOutdated(look)) this.#ports.observe();
  }

  /** Answers all, and holds none from now on: the agent stops. */
  release(): void {
    this.#isReleased = true;
    const look = this.#ports.lastLook();
    for (const held of this.#held) held.answer(look);
  }

  /** Whether a report on the last look would say something else than who is held knows. */
  #isOutdated(look: Look): boolean {
    const revision = this.#ports.filterRevision();
    if (revision === this.#checkedRevision) return false;
    if ([...this.#held].some((held) => !held.isKnown(look))) return true;
    this.#checkedRevision = revision;
    return false;
  }
}
