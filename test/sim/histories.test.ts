// Some thousand histories of whole worlds, and a few planted bugs that they must find.

import { describe, expect, test } from "vitest";
import { replay, runHistories } from "./pool.ts";

/** `npm run sim -- --seeds N` runs more. */
const histories = 2_000;

describe("histories", () => {
  test(`every promise is kept in ${histories} worlds`, async () => {
    const { failure } = await runHistories(1, histories, undefined);
    expect(failure).toBeUndefined();
  }, 300_000);

  test("one seed is one history", async () => {
    const [one, other] = await replay([17, 18], undefined);
    const [again] = await replay([17], undefined);
    expect(again?.hash).toBe(one?.hash);
    expect(one?.hash).not.toBe(other?.hash);
  });
});

describe("planted bugs", () => {
  test.each(["claims-dropped-on-departure", "claims-forgotten-at-restart", "always-withholding"])(
    "%s is found",
    async (bug) => {
      const { failure } = await runHistories(1, 25, bug);
      expect(failure?.violations.length ?? 0).toBeGreaterThan(0);
    },
  );
});
