// Says to one host that operations are over, until it has answered: a few at once while it answers,
// one at a time and more and more rarely while it does not, however many are waiting.

import { type BackOff, waitAfter } from "./back-off.ts";
import type { Operation } from "./operation.ts";

export interface ContinueOptions {
  /** Sends one continue; false: it has to be repeated. Never rejects. */
  readonly send: (operation: Operation) => Promise<boolean>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
  readonly backOff: BackOff;
  readonly atOnce: number;
  /** Whether nothing more is to be sent. */
  readonly isEnded: () => boolean;
}

export class Continues {
  readonly #options: ContinueOptions;
  readonly #waiting = new Set<Operation>();
  #isRunning = false;

  constructor(options: ContinueOptions) {
    this.#options = options;
  }

  /** Sends it now, or as soon as those before it and the back-off allow. */
  add(operation: Operation): void {
    this.#waiting.add(operation);
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { send, sleep, random, backOff, atOnce, isEnded } = this.#options;
    let failures = 0;
    while (this.#waiting.size > 0 && !isEnded()) {
      const batch = [...this.#waiting].slice(0, failures === 0 ? atOnce : 1);
      for (const operation of batch) this.#waiting.delete(operation);
      const done = await Promise.all(batch.map((operation) => send(operation)));
      // To the end: one that the host cannot take must not keep the others.
      const left = batch.filter((_, place) => !done[place]);
      for (const operation of left) this.#waiting.add(operation);
      failures = left.length === 0 ? 0 : failures + 1;
      if (failures > 0 && !isEnded()) await sleep(waitAfter(failures, backOff, random()));
    }
    this.#isRunning = false;
  }
}
