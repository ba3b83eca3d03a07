import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { expired, within } from "../../src/observer/within.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = (): Promise<never> => new Promise(() => {});

test("what comes in time is passed on, and no timer stays behind", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const waited = within(performance.now() + 100, promise);
  await vi.advanceTimersByTimeAsync(99);
  resolve("in time");
  expect(await waited).toBe("in time");
  expect(vi.getTimerCount()).toBe(0);
});

test("what fails in time fails, and no timer stays behind", async () => {
  const waited = within(performance.now() + 100, Promise.reject(new Error("why")));
  await expect(waited).rejects.toThrow("why");
  expect(vi.getTimerCount()).toBe(0);
});

test("what does not come has expired at the deadline, not before", async () => {
  const onExpired = vi.fn<(outcome: unknown) => void>();
  void within(performance.now() + 100, never()).then(onExpired);
  await vi.advanceTimersByTimeAsync(99);
  expect(onExpired).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(onExpired).toHaveBeenCalledExactlyOnceWith(expired);
});

test("a deadline that is past expires what waits and passes on what is there", async () => {
  const waited = within(performance.now() - 1, never());
  await vi.advanceTimersByTimeAsync(0);
  expect(await waited).toBe(expired);
  expect(await within(performance.now() - 1, Promise.resolve("there"))).toBe("there");
});

test("what fails after the deadline troubles nobody", async () => {
  const { promise, reject } = Promise.withResolvers<string>();
  const waited = within(performance.now() + 100, promise);
  await vi.advanceTimersByTimeAsync(100);
  reject(new Error("late")); // unhandled, it would fail this file
  expect(await waited).toBe(expired);
});
