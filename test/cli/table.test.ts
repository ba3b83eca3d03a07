import { describe, expect, test } from "vitest";
import { tableLines } from "../../src/cli/table.ts";
import { jsonText, printable } from "../../src/cli/terminal.ts";
import { agoText, reasonText, spanText } from "../../src/cli/words.ts";
import { withholdingReasons } from "../../src/core/vm-state.ts";

const headings = ["VM", "NAME", "STATE", "WHY"];
const uuid = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const long = "not called stopped: the look at the host was not complete, since 3 min ago";
const rows = [
  [uuid, "web-7", "Unknown", long],
  [uuid, "a-name-that-is-rather-long-for-a-vm", "Running", ""],
];

describe.each([60, 80, 200])("on a terminal of %i columns", (columns) => {
  const lines = tableLines(headings, rows, { columns });

  test("no line is wider, and each row is one line", () => {
    expect(lines).toHaveLength(3);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
  });

  test("columns begin below their headings", () => {
    const at = lines[0]?.indexOf("STATE") ?? -1;
    expect(lines.slice(1).map((line) => line.slice(at - 2, at))).toEqual(["  ", "  "]);
    expect(lines[1]?.slice(at)).toMatch(/^Unknown/);
    expect(lines[2]?.slice(at)).toMatch(/^Running/);
  });

  test("what is cut says so", () => {
    const isWhole = lines[1]?.includes(long);
    expect(lines[1]?.endsWith("…")).toBe(!isWhole);
    expect(isWhole).toBe(columns === 200);
  });
});

test("elsewhere than on a terminal nothing is cut", () => {
  const lines = tableLines(headings, rows, { columns: undefined });
  expect(lines[1]).toContain(long);
  expect(lines[2]).toContain("a-name-that-is-rather-long-for-a-vm");
});

test.each([80, 100])("on %i columns the uuid is not cut: what is wide beside it is", (columns) => {
  const [, first] = tableLines(headings, rows.slice(0, 1), { columns });
  expect(first?.startsWith(`${uuid}  web-7  Unknown  `)).toBe(true);
  expect([...(first ?? "")].length).toBe(columns);
});

test("five columns on 80 still show the whole uuid", () => {
  const claim = [uuid, "mn-1-of-the-eastern-zone", "operation-4711", "migrate", "3 min ago"];
  const [, line] = tableLines(["VM", "MN", "OP", "REASON", "MADE"], [claim], { columns: 80 });
  expect(line?.startsWith(`${uuid}  `)).toBe(true);
  expect([...(line ?? "")].length).toBeLessThanOrEqual(80);
});

test("on a terminal too narrow for any table it still ends, with columns of eight", () => {
  const [, first] = tableLines(headings, rows, { columns: 5 });
  expect(first).toBe("7e6b7c2…  web-7     Unknown  not cal…");
});

test("columns that are empty everywhere are left out, with their headings", () => {
  const lines = tableLines(["A", "B", "C"], [["1", "", "3"]], { columns: 80 });
  expect(lines).toEqual(["A  C", "1  3"]);
});

test("no line ends in spaces", () => {
  const lines = tableLines(
    ["A", "B"],
    [
      ["x", "long cell"],
      ["long cell", ""],
    ],
    { columns: 80 },
  );
  for (const line of lines) expect(line).toBe(line.trimEnd());
});

test("an emoji counts as one character and is not cut in half", () => {
  const [, line] = tableLines(["A"], [["😀".repeat(20)]], { columns: 10 });
  expect(line).toBe(`${"😀".repeat(9)}…`);
});

test("what is printable stays as it is, in every script", () => {
  for (const text of ["web-7", "虚拟机", "é e\u0301", "😀👩‍👩‍👧", "שרת", "a b"])
    expect(printable(text)).toBe(text);
});

test.each(["\u0000", "\t", "\n", "\r", "\u001b", "\u007f", "\u009b", "\u061c", "\u202e", "\ud800"])(
  "%j is replaced for people and escaped in JSON, which reads back the same",
  (character) => {
    const text = `a${character}b`;
    expect(printable(text)).toBe("a\ufffdb");
    expect(jsonText({ [text]: [text] })).toMatch(/^[\n\u0020-\u007e]*$/);
    expect(JSON.parse(jsonText({ [text]: [text] }))).toEqual({ [text]: [text] });
  },
);

test("JSON of what is printable is what JSON.stringify says", () => {
  const value = { a: [1, 'é\\"', { 虚: null }], b: {}, c: [] };
  expect(jsonText(value)).toBe(JSON.stringify(value, undefined, 2));
});

test.each([
  [-5_000, "0 s"],
  [0, "0 s"],
  [499, "0 s"],
  [500, "1 s"],
  [59_499, "59 s"],
  [59_500, "1 min"],
  [60_000, "1 min"],
  [125_000, "2 min 5 s"],
  [3_599_000, "59 min 59 s"],
  [3_600_000, "1 h"],
  [3_605_000, "1 h"],
  [15_000_000, "4 h 10 min"],
  [86_400_000, "1 d"],
  [266_400_000, "3 d 2 h"],
  [8_640_000_000, "100 d"],
])("a span of %i ms is said as %j", (ms, text) => {
  expect(spanText(ms)).toBe(text);
});

test("how long ago an instant was is counted to now, and never negative", () => {
  const instant = "2026-03-01T12:00:00.000Z";
  expect(agoText(instant, Date.parse(instant) + 65_000)).toBe("1 min 5 s ago");
  expect(agoText(instant, Date.parse(instant) - 65_000)).toBe("0 s ago");
});

test("every reason to withhold has words of its own that do not say stopped of the VM", () => {
  const texts = withholdingReasons.map(reasonText);
  expect(new Set(texts).size).toBe(withholdingReasons.length);
  for (const text of texts) expect(text.replace("not called stopped", "")).not.toMatch(/stopped/);
});
