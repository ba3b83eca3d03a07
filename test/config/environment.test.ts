import { expect, test } from "vitest";
import { processEnvironment, readEnvironment } from "../../src/config/environment.ts";
import { httpSocketPath } from "../../src/config/http-socket.ts";
import { configKeys } from "../../src/config/keys.ts";
import { problemText } from "../../src/config/problem.ts";
import { configErrorOf } from "./samples.ts";

function problemsOf(environment: Record<string, string | undefined>): string[] {
  return readEnvironment(environment).problems.map(problemText);
}

test("variables of others and unset ones are left alone", () => {
  expect(problemsOf({ PATH: "/bin", VMSYNC: "1", vmsyncd_x: "1", VMSYNCD_X: undefined })).toEqual(
    [],
  );
});

test.each([
  ["VMSYNCD_LIBVIRT_SOCKT", "VMSYNCD_LIBVIRT_SOCKET"],
  ["VMSYNCD_LIBVIRT_STEP_TIMEOUT", "VMSYNCD_LIBVIRT_STEP_TIMEOUT_MS"],
  ["VMSYNCD_HOSTID", "VMSYNCD_HOST_ID"],
  ["VMSYNCD_CONF", "VMSYNCD_CONFIG"],
  ["VMSYNCD_http_socket", "VMSYNCD_HTTP_SOCKET"],
])("%s is unknown, and %s is suggested", (variable, near) => {
  expect(problemsOf({ [variable]: "x" })).toEqual([
    `environment variable ${variable}: unknown variable (did you mean '${near}'?)`,
  ]);
});

test.each(["VMSYNCD_", "VMSYNCD_X", "VMSYNCD_BANANA", "VMSYNCD___PROTO__"])(
  "%s is unknown and near nothing",
  (variable) => {
    expect(problemsOf({ [variable]: "" })).toEqual([
      `environment variable ${variable}: unknown variable`,
    ]);
  },
);

const integers = configKeys.filter((key) => key.schema.type === "integer");
const spellings = [
  "",
  " 5",
  "5 ",
  "1e3",
  "0x10",
  "0o17",
  "+5",
  "05",
  "5.0",
  "5ms",
  "١",
  "NaN",
  "-0",
];

test.each(integers.flatMap((key) => spellings.map((text) => [key.variable, text] as const)))(
  "%s=%j is no integer",
  (variable, text) => {
    const [problem = ""] = problemsOf({ [variable]: text });
    expect(problem).toContain(`environment variable ${variable}: expected an integer from`);
    expect(problem).toContain(`found the string '${text}'`);
  },
);

test.each(integers)("$variable is held to its range", ({ variable, schema }) => {
  const { minimum = Number.NaN, maximum = Number.NaN } = schema;
  expect(problemsOf({ [variable]: String(minimum) })).toEqual([]);
  expect(problemsOf({ [variable]: String(maximum) })).toEqual([]);
  for (const outside of [minimum - 1, maximum + 1, -5, "9".repeat(400)]) {
    expect(problemsOf({ [variable]: String(outside) })).toHaveLength(1);
  }
});

test.each([
  ["", []],
  ["mn-1", ["mn-1"]],
  ["mn-1,mn-2", ["mn-1", "mn-2"]],
])("a list is separated by commas: %j is %j", (text, list) => {
  const { values, problems } = readEnvironment({ VMSYNCD_MANAGEMENT_NODES: text });
  expect([values.get("managementNodes"), problems]).toEqual([list, []]);
});

test.each([
  ["mn-1,", "element 2: expected 1 to 64 characters"],
  [",", "element 1: expected 1 to 64 characters"],
  ["mn-1, mn-2", "element 2: ' mn-2' has blanks around it"],
  ["mn-1,mn-2,mn-1", "the string 'mn-1' is listed twice"],
])("the list %j is refused", (text, reason) => {
  expect(problemsOf({ VMSYNCD_MANAGEMENT_NODES: text })[0]).toContain(`_NODES: ${reason}`);
});

test("an empty name of the file is refused", () => {
  expect(problemsOf({ VMSYNCD_CONFIG: "" })).toEqual([
    "environment variable VMSYNCD_CONFIG: is empty",
  ]);
});

test("the environment of the process is offered", () => {
  expect(processEnvironment().PATH).toBe(process.env.PATH);
});

test("the socket for clients is the variable's, else the default, whatever else is broken", () => {
  const broken = { VMSYNCD_BANANA: "1", VMSYNCD_LOG_LEVEL: "loud", VMSYNCD_CONFIG: "/nowhere" };
  expect(httpSocketPath(broken)).toBe("/run/vmsyncd/vmsyncd.sock");
  expect(httpSocketPath({ ...broken, VMSYNCD_HTTP_SOCKET: "/x.sock" })).toBe("/x.sock");
  expect(configErrorOf(() => httpSocketPath({ VMSYNCD_HTTP_SOCKET: "x.sock" })).message).toBe(
    "cannot read configuration: environment variable VMSYNCD_HTTP_SOCKET: " +
      "expected an absolute path, found the string 'x.sock'",
  );
});
