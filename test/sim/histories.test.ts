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

  test.each([
    { seed: 84_800, what: "an orphan was perhaps taken back, and orphaned anew with another TTL" },
    { seed: 86_697, what: "a VM that moved away came back and ended while no agent ran" },
  ])("every promise is kept where $what (seed $seed)", async ({ seed }) => {
    const [outcome] = await replay([seed], undefined);
    expect(outcome?.violations).toEqual([]);
  });

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
