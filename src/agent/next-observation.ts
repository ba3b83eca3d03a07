// Who asks while a look is under way shares the *next* one: an answer is never older than its
// question, and however many ask, one look runs at a time and one more waits.

export class NextObservation<T> {
  readonly #look: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  /** @param look begins one look; a second one is never begun before the first has settled */
  constructor(look: () => Promise<T>) {
    this.#look = look;
  }

  /** A look that begins now or later, never one that has begun already. */
  request(): Promise<T> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    const begin = (): Promise<T> => this.#start();
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  #start(): Promise<T> {
    this.#next = undefined;
    const look = this.#look();
    this.#running = look;
    const ended = (): void => {
      this.#running = undefined;
    };
    look.then(ended, ended);
    return look;
  }
}
