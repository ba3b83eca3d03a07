/** Calls received so far, and how many of a procedure were ever in flight together. */
export class CallCounts {
  readonly #received = new Map<number, number>();
  readonly #inFlight = new Map<number, number>();
  readonly #peak = new Map<number, number>();

  began(procedure: number): void {
    const inFlight = (this.#inFlight.get(procedure) ?? 0) + 1;
    this.#received.set(procedure, this.received(procedure) + 1);
    this.#inFlight.set(procedure, inFlight);
    this.#peak.set(procedure, Math.max(this.peak(procedure), inFlight));
  }

  ended(procedure: number): void {
    // A call of a daemon that ended meanwhile is no longer counted.
    this.#inFlight.set(procedure, Math.max(0, (this.#inFlight.get(procedure) ?? 0) - 1));
  }

  /** The daemon has ended, and with it whatever it worked on. */
  endedAll(): void {
    this.#inFlight.clear();
  }

  received(procedure: number): number {
    return this.#received.get(procedure) ?? 0;
  }

  peak(procedure: number): number {
    return this.#peak.get(procedure) ?? 0;
  }
}
