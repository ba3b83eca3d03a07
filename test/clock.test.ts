import { uptime } from "node:os";
import { expect, test } from "vitest";
import { bootTimeClock } from "../src/clock.ts";

test("clocks of two runs agree, though what they read is cut off at 10 ms", () => {
  const first = bootTimeClock();
  // The times of their starts lie everywhere between two readings.
  for (let starts = 0; starts < 20; starts += 1) {
    const second = bootTimeClock();
    const before = first.now().ms;
    const between = second.now().ms;
    const after = first.now().ms;
    expect(between).toBeGreaterThan(before - 1);
    expect(between).toBeLessThan(after + 1);
  }
});

test("the clock is that of the host's boot, and never ahead of it", () => {
  const clock = bootTimeClock();
  const leastMs = uptime() * 1000;
  const { ms } = clock.now();
  expect(ms).toBeGreaterThan(leastMs - 1);
  expect(ms).toBeLessThan(uptime() * 1000 + 10);
});
