/** Calls received so far, and how many of them were ever in flight together. */
export class CallCounts {
  readonly #received = new Map<number, number>();
  readonly #inFlight = new Map<number, number>();
  readonly #peak = new Map<number, number>();
  #peakOfAll = 0;

  began(procedure: number): void {
    const inFlight = (this.#inFlight.get(procedure) ?? 0) + 1;
    this.#received.set(procedure, this.received(procedure) + 1);
    this.#inFlight.set(procedure, inFlight);
    this.#peak.set(procedure, Math.max(this.peak(procedure), inFlight));
    this.#peakOfAll = Math.max(this.#peakOfAll, this.inFlight);
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

  /** Calls of any procedure that are not answered now. */
  get inFlight(): number {
    return [...this.#inFlight.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The most that `inFlight` ever was. */
  get peakOfAll(): number {
    return this.#peakOfAll;
  }

  peak(procedure: number): number {
    return this.#peak.get(procedure) ?? 0;
  }
}
