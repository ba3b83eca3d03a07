import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type MadeCall, WaitingCalls } from "../../src/observer/waiting-calls.ts";

test("an abandoned call counts until it is answered or fails, and in total for ever", async () => {
  const calls = new WaitingCalls();
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = calls.make(() => one.promise);
  const second = calls.make(() => other.promise);
  for (const call of [first, second, second]) call.abandon();
  expect(calls).toMatchObject({ mayCall: false, abandoned: 2, abandonedTotal: 2 });
  one.resolve();
  other.reject(new Error("the connection died"));
  await expect(second.answer).rejects.toThrow("died");
  first.abandon(); // is over already
  expect(calls).toMatchObject({ mayCall: true, abandoned: 0, abandonedTotal: 2 });
});

test("whatever is called, abandoned and answered, no more than two calls are under way", async () => {
  const step = fc.tuple(fc.constantFrom("make", "abandon", "answer"), fc.nat({ max: 5 }));
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const calls = new WaitingCalls();
    const open: { made: MadeCall<void>; end: () => void; isAbandoned: boolean }[] = [];
    for (const [what, at] of steps) {
      const call = open[at % Math.max(open.length, 1)];
      if (what === "make" && calls.mayCall) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const made = calls.make(() => promise);
        open.push({ made, end: resolve, isAbandoned: false });
      } else if (what === "abandon" && call !== undefined) {
        call.made.abandon();
        call.isAbandoned = true;
      } else if (what === "answer" && call !== undefined) {
        open.splice(open.indexOf(call), 1);
        call.end();
        await call.made.answer;
      }
      expect(open.length).toBeLessThanOrEqual(2);
      expect(calls.mayCall).toBe(open.length < 2);
      expect(calls.abandoned).toBe(open.filter(({ isAbandoned }) => isAbandoned).length);
    }
    const refusal = outcome(() => calls.make(() => Promise.resolve()));
    expect(refusal === "").toBe(open.length < 2);
  });
  await fc.assert(property);
});

function outcome(action: () => unknown): string {
  try {
    action();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
