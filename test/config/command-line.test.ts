import { expect, test } from "vitest";
import { readCommandLine, requestedPage } from "../../src/config/command-line.ts";
import { problemText } from "../../src/config/problem.ts";

function problemsOf(...argv: string[]): string[] {
  return readCommandLine(argv).problems.map(problemText);
}

test.each([
  [["--libvirt-sockt", "/x"], "--libvirt-sockt: unknown flag (did you mean '--libvirt-socket'?)"],
  [["--libvirt-sockt=/x"], "--libvirt-sockt: unknown flag (did you mean '--libvirt-socket'?)"],
  [["--hostId", "a"], "--hostId: unknown flag (did you mean '--host-id'?)"],
  [["--halp"], "--halp: unknown flag (did you mean '--help'?)"],
  [["--banana"], "--banana: unknown flag"],
  [["--__proto__", "x"], "--__proto__: unknown flag"],
  [["-x"], "-x: unknown flag"],
  [["--http-socket"], "--http-socket: needs a value"],
  [["--config", ""], "--config: is empty"],
  [["--help=yes"], "--help: takes no value"],
  [["status"], "'status': unexpected argument"],
  [["--"], "'--': unexpected argument"],
  [["a\u001b[2J"], "'a\\u{1b}[2J': unexpected argument"],
  [["--log-level", "info", "--log-level=info"], "--log-level: given more than once"],
])("%j is refused", (argv, problem) => {
  expect(problemsOf(...argv)).toEqual([problem]);
});

test("a flag whose value was forgotten does not swallow the next flag", () => {
  const { values, problems } = readCommandLine(["--http-socket", "--log-level", "debug"]);
  expect(problems.map(problemText)).toEqual(["--http-socket: needs a value"]);
  expect(values.get("log.level")).toBe("debug");
});

test("a value may begin with a dash, and with two after an equals sign", () => {
  expect(readCommandLine(["--host-id", "-a"]).values.get("hostId")).toBe("-a");
  expect(readCommandLine(["--host-id=--a=b"]).values.get("hostId")).toBe("--a=b");
});

test("a negative number is refused for its range, not for its dash", () => {
  expect(problemsOf("--libvirt-keepalive-count", "-5")).toEqual([
    "--libvirt-keepalive-count: expected an integer from 1 to 100 (messages), found the number -5",
  ]);
});

test("every mistake of the command line is listed", () => {
  expect(
    problemsOf("x", "--banana", "--log-level", "loud", "--http-listen=0.0.0.0:1"),
  ).toHaveLength(4);
});

test.each([
  [[], undefined],
  [["--help"], "help"],
  [["--version"], "version"],
  [["--version", "--help"], "help"],
  [["--banana", "x", "--log-level", "loud", "--help"], "help"],
  [["--host-id=--help"], undefined],
  [["--help=yes"], undefined],
])("%j asks for the page %s", (argv, page) => {
  expect(requestedPage(argv)).toBe(page);
});
