import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Observation } from "../../src/core/observation.ts";
import {
  confirmationIntervalMs,
  doubted,
  nextPresence,
  nothingSeen,
  type Presence,
} from "../../src/core/presence.ts";
import { anySighting, at, domain, sighting, vm } from "./sightings.ts";

const running = 1;
const shutOff = 5;
const intervalMs = confirmationIntervalMs;
const none = (): boolean => false;

/** A complete look that shows VMs running, and others shut off. */
function look(atMs: number, alive: readonly number[], off: readonly number[] = []): Observation {
  const domains = [
    ...alive.map((number) => domain(vm(number), running)),
    ...off.map((number) => domain(vm(number), shutOff)),
  ];
  return sighting({ domains, qemus: alive.map(vm), startedAt: at(atMs) });
}

/** Presence after looks, one after the other. */
function after(...looks: readonly Observation[]): Presence {
  return looks.reduce((presence, one) => nextPresence(presence, one, none), nothingSeen);
}

const many = [1, 2, 3, 4, 5, 6, 7];

describe("a mass disappearance", () => {
  test.each([
    ["four of seven, absent", look(100, [1, 2, 3])],
    ["four of seven, shut off", look(100, [1, 2, 3], [4, 5, 6, 7])],
    ["all of them", look(100, [])],
  ])("is doubted: %s", (_, next) => {
    const presence = after(look(0, many), next);
    expect(doubted(presence).size).toBeGreaterThanOrEqual(4);
    expect(presence.gone.size).toBe(0);
  });

  test.each([
    ["three, however few there are", look(0, [1, 2, 3]), look(100, [])],
    ["half", look(0, [1, 2, 3, 4, 5, 6, 7, 8]), look(100, [1, 2, 3, 4])],
  ])("is not: %s", (_, first, next) => {
    const presence = after(first, next);
    expect(doubted(presence).size).toBe(0);
    expect(presence.gone.size).toBeGreaterThan(2);
  });

  test("is not doubted for ever while others come and go", () => {
    const lost = [1, 2, 3, 4];
    const others = [11, 12, 13, 14, 15];
    let presence = after(look(0, [...lost, 11]), look(100, [11]));
    let doubtedMs = 0;
    for (let ms = 3_000; ms < 60_000; ms += 3_000) {
      presence = nextPresence(presence, look(ms, (ms / 3_000) % 2 === 0 ? [] : others), none);
      if (doubted(presence).has(vm(1))) doubtedMs = ms;
    }
    expect(doubtedMs).toBeLessThan(100 + 2 * intervalMs + 2 * 3_000);
  });

  test("does not count those whose end was told", () => {
    const isTold = (uuid: string, sinceMs: number): boolean => uuid === vm(4) && sinceMs === 0;
    const presence = nextPresence(after(look(0, many)), look(100, [1, 2, 3]), isTold);
    expect(doubted(presence).size).toBe(0);
    expect(presence.gone).toEqual(new Set([4, 5, 6, 7].map(vm)));
  });

  test("is believed when two more complete looks, five seconds apart, have confirmed it", () => {
    expect(intervalMs).toBe(5_000);
    const first = after(look(0, many), look(100, [1]));
    const soon = nextPresence(first, look(100 + intervalMs - 1, [1]), none);
    expect(doubted(soon).size, "too soon to confirm").toBe(6);
    const once = nextPresence(soon, look(100 + intervalMs, [1]), none);
    expect(doubted(once).size, "one is not two").toBe(6);
    const again = nextPresence(once, look(100 + 2 * intervalMs - 1, [1]), none);
    expect(doubted(again).size).toBe(6);
    const twice = nextPresence(again, look(100 + 2 * intervalMs, [1]), none);
    expect(doubted(twice).size).toBe(0);
    expect(twice.gone).toEqual(new Set([2, 3, 4, 5, 6, 7].map(vm)));
  });

  test("is not confirmed by a look that is not complete", () => {
    const incomplete = sighting({ domains: "unknown", startedAt: at(100 + intervalMs) });
    const presence = after(look(0, many), look(100, [1]), incomplete);
    const once = nextPresence(presence, look(200 + intervalMs, [1]), none);
    expect(doubted(once).size).toBe(6);
  });

  test("is over for a VM that is seen again", () => {
    const presence = after(look(0, many), look(100, [1]), look(200, [1, 2, 3]));
    expect(doubted(presence)).toEqual(new Set([4, 5, 6, 7].map(vm)));
  });
});

test("whatever is seen, a VM that is alive is neither doubted nor gone", () => {
  fc.assert(
    fc.property(fc.array(anySighting, { minLength: 1, maxLength: 6 }), (looks) => {
      let presence = nothingSeen;
      for (const [index, one] of looks.entries()) {
        const observation = { ...one, startedAt: at(index * 3_000) };
        presence = nextPresence(presence, observation, none);
        for (const uuid of presence.alive.keys()) {
          expect(doubted(presence).has(uuid) || presence.gone.has(uuid)).toBe(false);
        }
      }
    }),
  );
});
