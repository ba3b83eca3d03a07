import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseVmUuid } from "../../src/core/vm-uuid.ts";

test("a uuid is accepted dashed or as 32 digits, in any case, and comes out dashed and lower", () => {
  const mixedCase = fc.tuple(fc.uuid(), fc.infiniteStream(fc.boolean())).map(([uuid, upper]) => {
    const letters = [...uuid].map((letter) => {
      return upper.next().value ? letter.toUpperCase() : letter;
    });
    return { uuid, text: letters.join("") };
  });
  fc.assert(
    fc.property(mixedCase, ({ uuid, text }) => {
      expect(parseVmUuid(text)).toBe(uuid);
      expect(parseVmUuid(text.replaceAll("-", ""))).toBe(uuid);
    }),
  );
});

const good = "0f0e0d0c-0b0a-4908-8706-050403020100";

test.each([
  ["nothing", ""],
  ["a digit missing", good.slice(1)],
  ["a digit too many", `${good}0`],
  ["no hex digit", good.replace("f", "g")],
  ["dashes in other places", "0f0e-0d0c0b0a-4908-8706-050403020100"],
  ["only some of the dashes", good.replace("-", "")],
  ["braces", `{${good}}`],
  ["white space before", ` ${good}`],
  ["a line feed behind", `${good}\n`],
])("%s is no uuid", (_, text) => {
  expect(parseVmUuid(text)).toBeUndefined();
});
