import * as fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearest } from "../../src/config/nearest.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { quote } from "../../src/config/quote.ts";

test.each([
  ["", "", 0],
  ["", "abc", 3],
  ["kitten", "sitting", 3],
  ["socket", "sockt", 1],
  ["abc", "cba", 2],
])("from %j to %j it takes %i edits", (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance);
});

test("the edit distance is a distance", () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    }),
  );
});

test("the nearest wins, the first of equally near ones, and nothing far is suggested", () => {
  expect(nearest("lavel", ["label", "level"])).toBe("label");
  expect(nearest("LEVEL", ["label", "level"])).toBe("level");
  expect(nearest("Warning", ["error", "warn"])).toBe("warn");
  expect(nearest("err", ["warn", "error"])).toBe("error");
  expect(nearest("le", ["levels", "l"])).toBeUndefined();
  expect(nearest("banana", ["label", "level"])).toBeUndefined();
  expect(nearest("ab", ["cd"])).toBeUndefined();
  expect(nearest("", ["cd"])).toBeUndefined();
});

test("a name of a megabyte is near nothing, at once", () => {
  expect(nearest("x".repeat(1_000_000), ["xx"])).toBeUndefined();
});

test("no quoted text can break a line, reorder it or drive a terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(quote(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test("an error of many problems lists all in its fields and the first in its text", () => {
  const problems = Array.from({ length: 25 }, (_, index) => ({
    kind: "file" as const,
    file: "/f",
    line: index + 1,
    reason: "bad",
  }));
  const error = new ConfigError(problems);
  expect([error.code, error.problems.length]).toEqual(["bad-configuration", 25]);
  expect(error.message.split("\n  ").slice(20)).toEqual(["/f:20: bad", "and 5 more"]);
});
