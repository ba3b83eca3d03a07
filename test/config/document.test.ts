import { describe, expect, test } from "vitest";
import { readDocument } from "../../src/config/document.ts";
import { problemText } from "../../src/config/problem.ts";

const file = "/etc/vmsyncd/config.yaml";

function problemsOf(text: string): string[] {
  return readDocument(file, text).problems.map(problemText);
}

test.each([
  ["an empty file", ""],
  ["a file of comments", "# nothing\n\n# at all\n"],
  ["an empty document", "---\n...\n"],
  ["a byte order mark alone", "\uFEFF"],
  ["sections whose keys are all commented out", "http:\n  # listen: 127.0.0.1:1\nlog:\n"],
  ["an empty mapping", "{}"],
])("%s sets nothing and is no error", (_name, text) => {
  expect(readDocument(file, text)).toMatchObject({ values: new Map(), problems: [] });
});

describe("unknown keys", () => {
  test.each([
    ["libvirt:\n  sockt: /x", 2, "'libvirt.sockt' (did you mean 'libvirt.socket'?)"],
    [
      "libvirt:\n  stepTimeout: 5",
      2,
      "'libvirt.stepTimeout' (did you mean 'libvirt.stepTimeoutMs'?)",
    ],
    ["libvrt:\n  socket: /x", 1, "'libvrt' (did you mean 'libvirt'?)"],
    ["hostID: a", 1, "'hostID' (did you mean 'hostId'?)"],
    ["host_id: a", 1, "'host_id' (did you mean 'hostId'?)"],
    ["procPath: /proc", 1, "'procPath' (did you mean 'observation.procPath'?)"],
    ["http: {level: info}", 1, "'http.level' (did you mean 'log.level'?)"],
    ["http.socket: /x", 1, "'http.socket' (write 'socket:' inside 'http:')"],
    ["banana: 1", 1, "'banana'"],
    ["5: 1", 1, "'5'"],
    ["a.b.c: 1", 1, "'a.b.c'"],
    ["<<: {hostId: a}", 1, "'<<'"],
    ['"a\\nb\\e[2J": 1', 1, "'a\\u{a}b\\u{1b}[2J'"],
  ])("%j is unknown, and the nearest is suggested", (text, line, rest) => {
    expect(problemsOf(text)).toEqual([`${file}:${line}: unknown key ${rest}`]);
  });

  test.each(["__proto__", "constructor", "toString", "prototype"])("%s is unknown", (name) => {
    const [top, inner] = [`${name}: {hostId: x}`, `http:\n  ${name}: {socket: /x}`];
    expect(problemsOf(top)).toEqual([`${file}:1: unknown key '${name}'`]);
    expect(problemsOf(inner)).toEqual([`${file}:2: unknown key 'http.${name}'`]);
    expect(({} as Record<string, unknown>).hostId).toBeUndefined();
  });

  test("the problem names file, line, column and key", () => {
    expect(readDocument(file, "log:\n  level: info\n  levle: info\n").problems).toEqual([
      {
        kind: "file",
        file,
        line: 3,
        column: 3,
        key: "log.levle",
        reason: "unknown key 'log.levle' (did you mean 'log.level'?)",
      },
    ]);
  });
});

const port = "ADDRESS:PORT or [IPV6-ADDRESS]:PORT";
const milliseconds = "expected an integer from 100 to 10000 (milliseconds), found";

describe("values", () => {
  test.each([
    [
      "observation:\n  limitMs: '1000'",
      2,
      `${milliseconds} the string '1000' (write it without quotes)`,
    ],
    ["observation:\n  limitMs: 99", 2, `${milliseconds} the number 99`],
    ["observation:\n  limitMs: 10001", 2, `${milliseconds} the number 10001`],
    ["observation:\n  limitMs: 100.5", 2, `${milliseconds} the number 100.5`],
    ["observation:\n  limitMs: .inf", 2, `${milliseconds} the number Infinity`],
    ["observation:\n  limitMs: .nan", 2, `${milliseconds} the number NaN`],
    ["observation:\n  limitMs: yes", 2, `${milliseconds} the string 'yes'`],
    ["observation:\n  limitMs: true", 2, `${milliseconds} the boolean true`],
    ["observation:\n  limitMs:", 2, `${milliseconds} nothing (leave the key out for its default)`],
    [
      "observation:\n  limitMs: ~",
      2,
      `${milliseconds} nothing (leave the key out for its default)`,
    ],
    ["observation:\n  limitMs: [5]", 2, `${milliseconds} a list of 1`],
    ["observation:\n  limitMs: {a: 5}", 2, `${milliseconds} a mapping`],
    ["observation:\n  limitMs: 1_000", 2, `${milliseconds} the string '1_000'`],
    ["observation: {procPath: proc}", 1, "expected an absolute path, found the string 'proc'"],
    ["observation: {procPath: ''}", 1, "expected an absolute path, found the string ''"],
    ['http: {socket: "/a\\0b"}', 1, "expected an absolute path, found the string '/a\\u{0}b'"],
    [
      "http: {listen: 7171}",
      1,
      `expected ${port} of a loopback address, found the number 7171 (write it in quotes)`,
    ],
    [
      "hostId: 12",
      1,
      "expected 1 to 64 characters without control characters, and not . or .., found the number 12 (write it in quotes)",
    ],
    [
      'hostId: "a\\tb"',
      1,
      "expected 1 to 64 characters without control characters, and not . or .., found the string 'a\\u{9}b'",
    ],
    [
      'hostId: "\\ud800"',
      1,
      "expected 1 to 64 characters without control characters, and not . or .., found the string '\\u{d800}'",
    ],
    [
      "log:\n\n  level: Warning",
      3,
      "expected one of trace, debug, info, warn, error, fatal, found the string 'Warning' (did you mean 'warn'?)",
    ],
    ["log: info", 1, "expected a mapping of keys to values, found the string 'info'"],
    ["log: [level]", 1, "expected a mapping of keys to values, found a list of 1"],
    [
      "managementNodes: mn-1",
      1,
      "expected a list of at most 64 different values, found the string 'mn-1'",
    ],
    [
      "managementNodes: {a: b}",
      1,
      "expected a list of at most 64 different values, found a mapping",
    ],
    [
      "managementNodes:\n  - a\n  - 5",
      3,
      "element 2: expected 1 to 64 characters without control characters, and not . or .., found the number 5 (write it in quotes)",
    ],
    [
      "managementNodes:\n  - a\n  - ''\n",
      3,
      "element 2: expected 1 to 64 characters without control characters, and not . or .., found the string ''",
    ],
    [
      "managementNodes:\n  - [[a]]\n",
      2,
      "element 1: expected 1 to 64 characters without control characters, and not . or .., found a mapping",
    ],
    ["managementNodes:\n  - a\n  - b\n  - a\n", 4, "the string 'a' is listed twice"],
  ])("%j is refused with what is allowed and what was found", (text, line, reason) => {
    const { problems } = readDocument(file, text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line, reason: expect.stringContaining(`: ${reason}`) });
  });

  test("the problem of a value names line and key", () => {
    expect(problemsOf("# ms\nobservation:\n  limitMs: 5\n")).toEqual([
      `${file}:3: observation.limitMs: ${milliseconds} the number 5`,
    ]);
  });

  test("65 management nodes are refused, 64 are not", () => {
    const list = (length: number) =>
      `managementNodes: [${Array.from({ length }, (_, index) => `mn-${index}`).join(", ")}]`;
    expect(problemsOf(list(64))).toEqual([]);
    expect(problemsOf(list(65))[0]).toContain("at most 64 different values, found a list of 65");
  });

  test("a name has at most 64 characters, counted as people do", () => {
    expect(problemsOf(`hostId: ${"é😀".repeat(32)}`)).toEqual([]);
    expect(problemsOf(`hostId: ${"x".repeat(65)}`)).toHaveLength(1);
  });

  test("a long value is cut in the message", () => {
    const [problem = ""] = problemsOf(`hostId: ${"x".repeat(5000)}`);
    expect(problem.length).toBeLessThan(250);
    expect(problem).toContain("(5000 characters)");
  });
});

describe("YAML", () => {
  test.each([
    ["a list", "- a", ":1: expected a mapping of keys to values, found a list of 1"],
    ["text", "hello", ":1: expected a mapping of keys to values, found the string 'hello'"],
    ["a number", "\n5", ":2: expected a mapping of keys to values, found the number 5"],
    ["a tab", "http:\n\tsocket: /x", ":2: not valid YAML: Tabs are not allowed as indentation"],
    ["an open bracket", "hostId: a\nmanagementNodes: [a", ":2: not valid YAML: "],
    ["a second document", "hostId: a\n---\nhostId: b", ":2: not valid YAML: "],
    ["an unknown tag", "hostId: !secret a", ":1: not valid YAML: Unresolved tag: !secret"],
    ["a list as a key", "? [a]\n: b", ":1: not valid YAML: "],
    ["an alias of a value", "hostId: &a x\nhttp:\n  listen: *a", ":3: http.listen: found an alias"],
    ["an alias of nothing", "hostId: *a", ":1: hostId: found an alias (write the value out)"],
    [
      "an alias in a list",
      "managementNodes:\n - &a x\n - *a",
      ":3: managementNodes: found an alias",
    ],
    [
      "an alias of a section",
      "http: &a {socket: /x}\nlibvirt: *a",
      ":2: libvirt: expected a mapping",
    ],
    ["an alias as a key", "hostId: &a x\n*a : y", ":2: "],
  ])("%s is refused with its line", (_name, text, start) => {
    const [problem = ""] = problemsOf(text);
    expect(problem.slice(0, file.length + start.length)).toBe(file + start);
  });

  test("a key given twice is refused with both lines", () => {
    expect(problemsOf("http:\n  socket: /a\n  listen: localhost:1\n  socket: /b\n")).toEqual([
      `${file}:4: key 'http.socket' is given twice (first on line 2)`,
    ]);
    expect(problemsOf("http: {}\nlog: {}\nhttp: {}\n")).toEqual([
      `${file}:3: key 'http' is given twice (first on line 1)`,
    ]);
  });

  test("the same name in two sections is no duplicate", () => {
    expect(problemsOf("http: {socket: /a}\nlibvirt: {socket: /a}")).toEqual([]);
  });

  test("a directive does not bring back the booleans of YAML 1.1", () => {
    expect(readDocument(file, "%YAML 1.1\n---\nhostId: yes").values.get("hostId")).toBe("yes");
  });

  test("aliases that would expand to gigabytes are refused at once", () => {
    const bomb = ["a: &a [x]"];
    for (let level = 0; level < 30; level += 1) {
      const [above, name] = [`a${level || ""}`, `a${level + 1}`];
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${above}`).join(",")}]`);
    }
    expect(problemsOf(bomb.join("\n"))).toHaveLength(31);
    expect(problemsOf(`x: &a [y]\nmanagementNodes: [${"*a,".repeat(9)}]`)).toHaveLength(2);
  });

  test.each([
    ["[", 100_000],
    ["{a: ", 50_000],
    ["- ", 100_000],
  ])("%j nested without end is refused, in one line", (opening, depth) => {
    expect(problemsOf(opening.repeat(depth))).toEqual([
      expect.stringContaining(":1: not valid YAML: nested too deeply"),
    ]);
  });
});

test("every problem of a file is listed, in the order of its lines", () => {
  const text = [
    "hostId: 5",
    "libvirt:",
    "  socket: relative",
    "  sockt: /x",
    "  keepaliveCount: 0",
    "http:",
    "  listen: 0.0.0.0:80",
    "log: {level: loud, level: info}",
    "banana: {apple: 1}",
  ].join("\n");
  const lines = readDocument(file, text).problems.map(
    (problem) => problem.kind === "file" && [problem.line, problem.key],
  );
  expect(lines).toEqual([
    [1, "hostId"],
    [3, "libvirt.socket"],
    [4, "libvirt.sockt"],
    [5, "libvirt.keepaliveCount"],
    [7, "http.listen"],
    [8, "log.level"],
    [8, "log.level"],
    [9, "banana"],
  ]);
});
