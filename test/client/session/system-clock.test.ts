import { expect, test } from "vitest";
import { systemClock } from "../../../src/client/session/ports.ts";

test("sleep lasts as long as it was asked to, on the clock's own time", async () => {
  const startedAtMs = systemClock.nowMs();
  await systemClock.sleep(20);
  // A timer may be early by the fraction of a millisecond that it does not count.
  expect(systemClock.nowMs() - startedAtMs).toBeGreaterThan(18);
});

test("sleep ends when it is aborted", async () => {
  const abort = new AbortController();
  const slept = systemClock.sleep(2 ** 30, abort.signal);
  abort.abort();
  await expect(slept).rejects.toMatchObject({ name: "AbortError" });
});
