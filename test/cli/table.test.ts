import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { proseLines } from "../../src/cli/prose.ts";
import { shellLine } from "../../src/cli/shell-words.ts";
import { tableLines } from "../../src/cli/table.ts";
import { jsonText, printable } from "../../src/cli/terminal.ts";
import { textWidth } from "../../src/cli/width.ts";
import { agoText, reasonText, spanText } from "../../src/cli/words.ts";
import { withholdingReasons } from "../../src/core/vm-state.ts";

const headings = ["VM", "NAME", "STATE", "WHY"];
const uuid = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const long = "not called stopped: the look at the host was not complete, since 3 min ago";
const rows = [
  [uuid, "web-7", "Unknown", long],
  [uuid, "a-name-that-is-rather-long-for-a-vm", "Running", ""],
];

describe("on a terminal that is wide enough", () => {
  const lines = tableLines(headings, rows, { columns: 170 });

  test("no line is wider, and each row is one line", () => {
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(170);
    expect(lines[1]).toContain(long);
  });

  test("columns begin below their headings", () => {
    const at = lines[0]?.indexOf("STATE") ?? -1;
    expect(lines.slice(1).map((line) => line.slice(at - 2, at))).toEqual(["  ", "  "]);
    expect(lines[1]?.slice(at)).toMatch(/^Unknown/);
    expect(lines[2]?.slice(at)).toMatch(/^Running/);
  });
});

describe("on one that is too narrow each row is a block of lines, and nothing is cut", () => {
  test("at 60 columns", () => {
    expect(tableLines(headings, rows, { columns: 60 })).toEqual([
      `VM: ${uuid}`,
      "NAME: web-7",
      "STATE: Unknown",
      "WHY: not called stopped: the look at the host was not",
      "  complete, since 3 min ago",
      "",
      `VM: ${uuid}`,
      "NAME: a-name-that-is-rather-long-for-a-vm",
      "STATE: Running",
    ]);
  });

  test.each([40, 60, 80, 100])("no line is wider than %i columns", (columns) => {
    const lines = tableLines(headings, rows, { columns });
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
    expect(lines.join(" ")).toContain(uuid);
  });

  test.each([40, 20, 5])("on %i columns no word is broken, a label neither", (columns) => {
    const nodes = ["MANAGEMENT NODE", "CONFIGURED"];
    const lines = tableLines(nodes, [["36c27e8ff05c4780bf6d2fa65700f22e", "yes"]], { columns });
    const words = lines.flatMap((line) => line.trim().split(" "));
    const all = ["MANAGEMENT", "NODE:", "36c27e8ff05c4780bf6d2fa65700f22e", "CONFIGURED:", "yes"];
    expect(words).toEqual(all);
  });
});

test("elsewhere than on a terminal nothing is cut", () => {
  const lines = tableLines(headings, rows, { columns: undefined });
  expect(lines[1]).toContain(long);
  expect(lines[2]).toContain("a-name-that-is-rather-long-for-a-vm");
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

test.each([
  ["", 0],
  ["web-7", 5],
  ["虚拟机", 6],
  ["한국", 4],
  ["ｗｉｄｅ", 8],
  ["é e\u0301", 3],
  ["😀👩\u200d👩\u200d👧", 4],
  ["❤\ufe0f", 2],
  ["שרת", 3],
  ["𠀀", 2],
])("%s takes its columns: %i", (text, columns) => {
  expect(textWidth(text)).toBe(columns);
});

test("columns stand below each other beside names of East Asia", () => {
  const names = [
    ["虚拟机", "x"],
    ["web-7", "y"],
  ];
  expect(tableLines(["A", "B"], names, { columns: 80 })).toEqual([
    "A       B",
    "虚拟机  x",
    "web-7   y",
  ]);
  expect(tableLines(["A", "B"], names, { columns: 8 })[0]).toBe("A:");
});

test("sentences are wrapped by the columns that they take", () => {
  expect(proseLines("", "虚拟机 虚拟机 虚拟机", { columns: 14 })).toEqual([
    "虚拟机 虚拟机",
    "虚拟机",
  ]);
});

describe("a command that is shown", () => {
  const shell = (text: string): string =>
    execFileSync("bash", ["-c", `printf %s ${shellLine([text])}`], {
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });

  test.each(["op", "a b", "it's", "$(id)", "`id`", "a;b", "\\", "虚", "*", "~", "a\u2066'\\b"])(
    "gives a shell %j as it is",
    (text) => {
      expect(shell(text)).toBe(text);
      expect(printable(shellLine([text]))).toBe(shellLine([text]));
    },
  );
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
