import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type EventBlock, eventBlocks } from "../../src/client/event-blocks.ts";

async function blocksOf(...chunks: readonly Uint8Array[]): Promise<EventBlock[]> {
  const arriving = async function* () {
    yield* chunks;
  };
  const blocks: EventBlock[] = [];
  for await (const block of eventBlocks(arriving())) blocks.push(block);
  return blocks;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stream =
  ': alive\nid: s:1\n\nid: s:2\nevent: claim-made\ndata: {"detail":"ünïcode 😀: x"}\n\n';
const whole = [
  { id: "s:1", event: undefined, data: undefined },
  { id: "s:2", event: "claim-made", data: '{"detail":"ünïcode 😀: x"}' },
];

test("blocks are the same however the bytes arrive", async () => {
  const all = bytes(stream);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: all.length }), { maxLength: 6 }), async (cuts) => {
      const places = [0, ...cuts.toSorted((one, other) => one - other), all.length];
      const chunks = places.slice(1).map((end, place) => all.slice(places[place], end));
      expect(await blocksOf(...chunks)).toEqual(whole);
    }),
    { numRuns: 60 },
  );
});

test("what is not whole is no event", async () => {
  expect(await blocksOf(bytes("id: s:1\nevent: a\ndata: {}\n"))).toEqual([]);
});

test("a block without an end is not kept for ever", async () => {
  const chunk = bytes("z".repeat(700_000));
  await expect(blocksOf(chunk, chunk)).rejects.toThrow(RangeError);
});
