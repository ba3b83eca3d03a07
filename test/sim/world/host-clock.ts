// The two clocks of a host: one that counts since its boot and runs a little fast or slow, and the
// wall clock, which somebody steps.

import type { Instant } from "../../../src/core/instant.ts";
import type { Random } from "../random.ts";
import type { Scheduler } from "./scheduler.ts";

/** 2026-01-01. */
const wallStartMs = 1_767_225_600_000;
/** Clocks of computers are wrong by up to so much. */
const driftMax = 0.0002;
/** What a host may have been up for when the world begins. */
const uptimeMsMax = 100_000_000;

interface WallStep {
  readonly atMs: number;
  /** What the wall clock is ahead by from then on. */
  readonly aheadMs: number;
}

export class HostClock {
  readonly #scheduler: Scheduler;
  /** Milliseconds of this clock in one of the world. */
  readonly rate: number;
  #bootedAtMs = 0;
  #uptimeAtStartMs: number;
  readonly #steps: WallStep[];

  constructor(scheduler: Scheduler, random: Random) {
    this.#scheduler = scheduler;
    this.rate = 1 + random.between(-driftMax, driftMax);
    this.#uptimeAtStartMs = Math.round(random.between(1000, uptimeMsMax));
    this.#steps = [{ atMs: Number.NEGATIVE_INFINITY, aheadMs: random.whole(-5000, 5000) }];
  }

  now(): Instant {
    const { nowMs } = this.#scheduler;
    const ms = this.#uptimeAtStartMs + (nowMs - this.#bootedAtMs) * this.rate;
    return { ms, wallMs: this.wallMsAt(nowMs) };
  }

  /** What the wall clock showed at a moment of the world. */
  wallMsAt(atMs: number): number {
    const step = this.#steps.findLast((candidate) => candidate.atMs <= atMs);
    return Math.floor(wallStartMs + atMs * this.rate) + (step?.aheadMs ?? 0);
  }

  /** Least and most that the wall clock showed in a span of the world's time. */
  wallRange(fromMs: number, toMs: number): { readonly least: number; readonly most: number } {
    const steps = this.#steps.filter(({ atMs }) => atMs > fromMs && atMs <= toMs);
    const moments = [fromMs, toMs, ...steps.flatMap(({ atMs }) => [atMs, atMs - 1e-6])];
    const shown = moments.map((moment) => this.wallMsAt(moment));
    return { least: Math.min(...shown), most: Math.max(...shown) };
  }

  step(byMs: number): void {
    const last = this.#steps.at(-1)?.aheadMs ?? 0;
    this.#steps.push({ atMs: this.#scheduler.nowMs, aheadMs: last + byMs });
  }

  /** The host starts anew: its boot-time clock begins at zero. */
  reboot(): void {
    this.#bootedAtMs = this.#scheduler.nowMs;
    this.#uptimeAtStartMs = 0;
  }
}
