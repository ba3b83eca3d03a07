import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NextObservation } from "../../src/agent/next-observation.ts";

/** Looks that end when the test says so; each answers with its number, in the order of beginning. */
class Looks {
  readonly begun: PromiseWithResolvers<number>[] = [];
  readonly next = new NextObservation(() => this.#begin());
  running = 0;
  runningMax = 0;

  end(how: "answer" | "fail"): void {
    const number = this.begun.length - 1;
    if (this.running === 0) return;
    if (how === "answer") this.begun[number]?.resolve(number);
    else this.begun[number]?.reject(new Error(`look ${number} failed`));
  }

  #begin(): Promise<number> {
    const look = Promise.withResolvers<number>();
    this.begun.push(look);
    this.running += 1;
    this.runningMax = Math.max(this.runningMax, this.running);
    const over = (): void => {
      this.running -= 1;
    };
    look.promise.then(over, over);
    return look.promise;
  }
}

/** Everything that follows from what was done, and nothing else. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the next observation", () => {
  test("begins at once when none is under way", () => {
    const looks = new Looks();
    void looks.next.request();
    expect(looks.begun).toHaveLength(1);
  });

  test("is shared by all who ask while one is under way, and is not that one", async () => {
    const looks = new Looks();
    const first = looks.next.request();
    const later = [1, 2, 3].map(() => looks.next.request());
    looks.end("answer");
    expect(await first).toBe(0);
    await settle();
    looks.end("answer");
    expect(await Promise.all(later)).toEqual([1, 1, 1]);
    expect(looks.begun).toHaveLength(2);
  });

  test("is not begun without need: with nobody waiting the row ends", async () => {
    const looks = new Looks();
    const first = looks.next.request();
    looks.end("answer");
    await first;
    await settle();
    expect(looks.begun).toHaveLength(1);
  });

  test("asked for in the answer to the last one, is not that one", async () => {
    const looks = new Looks();
    const again = looks.next.request().then(() => looks.next.request());
    looks.end("answer");
    await settle();
    looks.end("answer");
    expect(await again).toBe(1);
  });

  test("fails for those who share it and for nobody else, and the row goes on", async () => {
    const looks = new Looks();
    const asked = [looks.next.request(), looks.next.request()];
    const outcomes = Promise.allSettled(asked);
    looks.end("fail");
    await settle();
    looks.end("fail");
    await settle();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = looks.next.request();
    looks.end("answer");
    expect(await next).toBe(2);
  });

  test("that cannot even begin fails who asked, and the next begins", async () => {
    let isBroken = true;
    const next = new NextObservation(() => {
      if (isBroken) throw new Error("cannot begin");
      return Promise.resolve("fresh");
    });
    expect(() => next.request()).toThrow("cannot begin");
    isBroken = false;
    expect(await next.request()).toBe("fresh");
  });
});

test("however questions and answers interleave: one at a time, none older than its question", async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant("ask" as const) },
    { weight: 2, arbitrary: fc.constant("answer" as const) },
    { weight: 1, arbitrary: fc.constant("fail" as const) },
    { weight: 2, arbitrary: fc.constant("microtask" as const) },
    { weight: 1, arbitrary: fc.constant("settle" as const) },
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const looks = new Looks();
    const asked: Promise<boolean>[] = [];
    for (const what of steps) {
      if (what === "ask") {
        const before = looks.begun.length;
        const answer = looks.next.request();
        const number = answer.catch((error: Error) => Number(error.message.split(" ")[1]));
        asked.push(number.then((answered) => answered >= before));
      } else if (what === "microtask") await Promise.resolve();
      else if (what === "settle") await settle();
      else looks.end(what);
    }
    const questions = asked.length;
    for (let round = 0; round < 3; round += 1) {
      await settle();
      looks.end("answer");
    }
    // Each got an answer within two more looks, of a look that began after the question.
    expect(await Promise.all(asked)).not.toContain(false);
    expect(looks.runningMax).toBeLessThanOrEqual(1);
    expect(looks.begun.length).toBeLessThanOrEqual(questions);
  });
  await fc.assert(property, { numRuns: 300 });
});
