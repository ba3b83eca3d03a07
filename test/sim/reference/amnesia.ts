// How long an agent must say that it may not know of claims, and how long it may.

import type { Span } from "./life.ts";

export class AmnesiaReference {
  /** Moments between which it ends; undefined: there was none. */
  ends: Span | undefined;
  readonly #configured: readonly string[];
  readonly #heardPerhaps = new Set<string>();
  readonly #heardSurely = new Set<string>();
  #isEndUnstored = false;

  /** @param configured ids of the management nodes that the agent waits for */
  constructor(configured: readonly string[]) {
    this.#configured = configured;
  }

  /** Nothing may be called stopped. */
  isCertainIn(fromMs: number): boolean {
    return this.ends !== undefined && this.ends.least > fromMs;
  }

  isPossibleIn(fromMs: number): boolean {
    return this.ends !== undefined && this.ends.most > fromMs;
  }

  /** @param least whether it certainly began */
  began(least: number, most: number, isCertain: boolean): void {
    this.ends = {
      least: isCertain ? least : (this.ends?.least ?? 0),
      most: Math.max(most, this.ends?.most ?? 0),
    };
    this.#isEndUnstored = false;
  }

  /** Somebody ended it; `answeredAtMs` undefined: perhaps. */
  ended(receivedAtMs: number, answeredAtMs: number | undefined, isDurable: boolean): void {
    if (this.ends === undefined) return;
    this.ends = {
      least: Math.min(this.ends.least, receivedAtMs),
      most: Math.min(this.ends.most, answeredAtMs ?? Number.POSITIVE_INFINITY),
    };
    if (!isDurable) this.#isEndUnstored = true;
  }

  /** A list that echoed the run of the agent was received. */
  listHeard(
    id: string,
    receivedAtMs: number,
    answeredAtMs: number | undefined,
    isDurable: boolean,
  ): void {
    this.#heardPerhaps.add(id);
    if (answeredAtMs !== undefined) this.#heardSurely.add(id);
    if (this.#configured.length === 0) return;
    const isIn = (heard: ReadonlySet<string>): boolean =>
      this.#configured.every((one) => heard.has(one));
    if (isIn(this.#heardPerhaps)) {
      this.ended(receivedAtMs, isIn(this.#heardSurely) ? answeredAtMs : undefined, isDurable);
    }
  }

  /** Another run of the agent: the lists have to be sent anew. */
  restarted(): void {
    this.#heardPerhaps.clear();
    this.#heardSurely.clear();
    if (!this.#isEndUnstored || this.ends === undefined) return;
    this.ends = { least: this.ends.least, most: Number.POSITIVE_INFINITY };
  }

  rebooted(killedAtMs: number, atMs: number, elapsed: Span, slackMs: number): void {
    if (this.ends === undefined) return;
    const leftLeastMs = this.ends.least - killedAtMs;
    const least =
      leftLeastMs > 0 ? Math.max(0, atMs + leftLeastMs - elapsed.most) : this.ends.least;
    const leftMostMs = Math.max(0, this.ends.most - killedAtMs);
    this.ends = { least, most: atMs + leftMostMs + slackMs - elapsed.least };
  }
}
