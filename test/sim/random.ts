// Randomness from a seed. Every part of a world draws from a stream of its own, named, so that a plan
// from which actions are taken away changes as little as possible of what is left.

const twoTo32 = 4_294_967_296;

/** xoshiro128**: small, fast, and the same everywhere. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #base: number;

  /** @param seed any number; the streams of one seed are told apart by their names */
  constructor(seed: number, stream = "") {
    this.#base = (seed ^ Math.imul(hashText(stream), 0x9e3779b1)) >>> 0;
    let state = this.#base;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /**
   * The same chance at the same moment, whatever was drawn before: what happens then does not depend
   * on what else has happened.
   */
  at(moment: number, more = 0): Random {
    const mixed = Math.imul(Math.floor(moment * 1000) ^ Math.imul(more, 0x85ebca6b), 0x9e3779b1);
    return new Random((this.#base ^ mixed) >>> 0);
  }

  /** At least 0, below 1. */
  next(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result / twoTo32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number, at least 0 and below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  whole(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error("cannot pick from nothing");
    return picked;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries(weights) as [T, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    throw new Error("cannot pick by weight: all weights are 0");
  }

  /** Mostly short, seldom long: what waiting times are like. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
