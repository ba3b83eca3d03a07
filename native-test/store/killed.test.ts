// kill -9 of a writing process: what it said is durable is there, and nothing else but what it was at.

import { expect, test } from "vitest";
import { StoreFolder } from "../../test/store/folder.ts";
import { durableIndexes, killAfter, startWriting } from "../../test/store/writing-process.ts";

test("what a killed process called durable is in the store, in order, through many kills", async () => {
  await using folder = new StoreFolder();
  let next = 0;
  for (const durableMin of [1, 5, 40, 2, 90]) {
    const program = startWriting(folder.path, next);
    await killAfter(program, durableMin);
    const said = durableIndexes(program.out);
    const last = said.at(-1) ?? 0;
    const { past } = await folder.open();
    expect(past.amnesiaReason).toBeUndefined();
    const stored = past.state?.claims.map(({ sequence }) => sequence).toSorted((a, b) => a - b);
    // The write under way when it was killed may have come through.
    next = stored?.length ?? 0;
    expect([last + 1, last + 2]).toContain(next);
    expect(stored).toEqual(Array.from({ length: next }, (_, index) => index));
    await folder.close();
  }
}, 60_000);
