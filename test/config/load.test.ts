import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { stringify } from "yaml";
import { type ConfigValue, configFileOption, configKeys } from "../../src/config/keys.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/problem.ts";
import type { Config } from "../../src/config/schema.ts";
import {
  asText,
  configErrorOf,
  defaults,
  nested,
  threeValues,
  validValue,
  valueAt,
} from "./samples.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const folder = new TemporaryFolder();
const hostName = "host-7";

function load(argv: readonly string[] = [], environment = {}): Config {
  return loadConfig({ argv, environment, hostName });
}

/** Without VMSYNCD_CONFIG the tests would read the configuration of the machine they run on. */
function emptyFile(): string {
  return folder.write("");
}

test("without any setting every key has its documented default", () => {
  expect(load(["--config", emptyFile()])).toEqual({
    hostId: "host-7",
    managementNodes: [],
    libvirt: { stepTimeoutMs: 2000, keepaliveIntervalSeconds: 5, keepaliveCount: 5 },
    observation: { limitMs: 1000, backgroundSeconds: 30, procPath: "/proc" },
    claims: {
      orphanTtlSeconds: 600,
      leaseSeconds: 180,
      leaseSecondsMax: 600,
      claimAgeWarningSeconds: 7200,
    },
    store: { folder: "/var/lib/vmsyncd", historyDays: 30, historyEntriesMax: 100_000 },
    http: { socket: "/run/vmsyncd/vmsyncd.sock" },
    log: { level: "info" },
  });
});

test("a key that may stay unset is absent, not undefined", () => {
  const config = load(["--config", emptyFile()]);
  expect(Object.keys(config.http)).toEqual(["socket"]);
  expect("socket" in config.libvirt).toBe(false);
});

test("the types say which keys are always there, and that nothing may be written", () => {
  expectTypeOf<Config["libvirt"]["stepTimeoutMs"]>().toEqualTypeOf<number>();
  expectTypeOf<Config["http"]["listen"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Config["managementNodes"]>().toEqualTypeOf<readonly string[]>();
  expectTypeOf<Config["log"]["level"]>().toEqualTypeOf<
    "trace" | "debug" | "info" | "warn" | "error" | "fatal"
  >();
});

test("hostId defaults to the system's host name", async () => {
  const { hostname } = await import("node:os");
  const argv = ["--config", emptyFile()];
  expect(loadConfig({ argv, environment: {} }).hostId).toBe(hostname());
});

test("a host name that cannot be a hostId is refused, unless hostId is set", () => {
  const sources = { environment: {}, hostName: "" };
  const error = configErrorOf(() => loadConfig({ argv: ["--config", emptyFile()], ...sources }));
  expect(error.message).toBe(
    "cannot read configuration: hostId: cannot use the system's host name: " +
      "expected 1 to 64 characters without control characters, and not . or .., found the string ''",
  );
  const argv = ["--config", emptyFile(), "--host-id", "named"];
  expect(loadConfig({ argv, ...sources }).hostId).toBe("named");
});

describe.each(configKeys)("$path", (key) => {
  const [inFile, inVariable, inFlag] = threeValues(key);
  const write = () => folder.write(stringify(nested(new Map([[key.path, inFile]]))));
  const variables = () => ({ VMSYNCD_CONFIG: write(), [key.variable]: asText(inVariable) });

  test("the file sets it", () => {
    expect(valueAt(load(["--config", write()]), key.path)).toEqual(inFile);
  });

  test("its environment variable sets it, over the file", () => {
    expect(valueAt(load([], variables()), key.path)).toEqual(inVariable);
  });

  test("its flag sets it, over the environment and the file", () => {
    const spaced = load([key.flag, asText(inFlag)], variables());
    expect(valueAt(spaced, key.path)).toEqual(inFlag);
    const joined = load([`${key.flag}=${asText(inFlag)}`], variables());
    expect(valueAt(joined, key.path)).toEqual(inFlag);
  });
});

const settings: fc.Arbitrary<Map<string, ConfigValue>> = fc
  .record(Object.fromEntries(configKeys.map((key) => [key.path, validValue(key)])), {
    requiredKeys: [],
  })
  .map((record) => new Map(Object.entries(record) as [string, ConfigValue][]));

function effective(values: ReadonlyMap<string, ConfigValue>) {
  return nested(new Map([...defaults(hostName), ...values]));
}

test("any valid settings come back from a file as they were written", () => {
  fc.assert(
    fc.property(settings, (values) => {
      const file = folder.write(stringify(nested(values)));
      expect(load(["--config", file])).toEqual(effective(values));
    }),
  );
});

test("any valid settings come back from the environment and from flags", () => {
  const file = emptyFile();
  const isWritable = (value: ConfigValue) =>
    !Array.isArray(value) || value.every((part) => !part.includes(",") && part.trim() === part);
  fc.assert(
    fc.property(settings, (all) => {
      const values = new Map([...all].filter(([, value]) => isWritable(value)));
      const set = configKeys.filter((key) => values.has(key.path));
      const text = (path: string) => asText(values.get(path) ?? "");
      const variables = Object.fromEntries(set.map((key) => [key.variable, text(key.path)]));
      expect(load([], { VMSYNCD_CONFIG: file, ...variables })).toEqual(effective(values));
      const argv = set.map((key) => `${key.flag}=${text(key.path)}`);
      expect(load(["--config", file, ...argv])).toEqual(effective(values));
    }),
  );
});

function outcome(act: () => Config): string {
  try {
    return Object.isFrozen(act()) ? "a configuration" : "something else";
  } catch (error) {
    return error instanceof ConfigError ? "a ConfigError" : String(error);
  }
}

test("whatever stands in the file, the answer is a configuration or a ConfigError", () => {
  const names = ["http", "libvirt", "socket", "listen", "managementNodes", "__proto__", "<<"];
  const marks = [
    ": ",
    ":\n  ",
    "\n",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
  ];
  const rest = ["? ", "\t", "%YAML 1.1\n", "'", '"', "|\n", "5", "null", "\u0000", "\r\n", "#"];
  const fragment = fc.oneof(fc.constantFrom(...names, ...marks, ...rest), fc.string());
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
      const file = folder.write(fragments.join(""));
      expect(["a configuration", "a ConfigError"]).toContain(
        outcome(() => load(["--config", file])),
      );
    }),
    { numRuns: 1000 },
  );
});

test("the configuration is frozen at every depth, and does not freeze or share the schema", () => {
  const config = load(["--config", emptyFile()]);
  expect([config, config.http, config.managementNodes].every(Object.isFrozen)).toBe(true);
  expect(config.managementNodes).not.toBe(
    configKeys.find((key) => key.path === "managementNodes")?.default,
  );
});

test("a flag that names the file wins over the variable, whose file is not even read", () => {
  const environment = { VMSYNCD_CONFIG: "/nowhere/at/all.yaml" };
  expect(load(["--config", folder.write("hostId: a")], environment).hostId).toBe("a");
});

test.each([
  ["--config", ["--config", "/nowhere/at/all.yaml"], {}],
  ["VMSYNCD_CONFIG", [], { VMSYNCD_CONFIG: "/nowhere/at/all.yaml" }],
])("a missing file named by %s is an error", (_name, argv, environment) => {
  expect(configErrorOf(() => load(argv, environment)).message).toBe(
    "cannot read configuration: /nowhere/at/all.yaml: no such file",
  );
});

test("the default file is the documented one", () => {
  expect(configFileOption).toMatchObject({
    default: "/etc/vmsyncd/config.yaml",
    flag: "--config",
    variable: "VMSYNCD_CONFIG",
  });
});

test("problems of flags and environment are listed together", () => {
  const error = configErrorOf(() => load(["--log-level", "loud"], { VMSYNCD_LOGLEVEL: "info" }));
  expect(error.message).toBe(
    [
      "cannot read configuration:",
      "--log-level: expected one of trace, debug, info, warn, error, fatal, found the string 'loud'",
      "environment variable VMSYNCD_LOGLEVEL: unknown variable (did you mean 'VMSYNCD_LOG_LEVEL'?)",
    ].join("\n  "),
  );
});

test("a value in the file is judged even if a flag overrides it", () => {
  const file = folder.write("log: {level: loud}");
  const error = configErrorOf(() => load(["--config", file, "--log-level", "info"]));
  expect(error.problems).toMatchObject([{ kind: "file", key: "log.level" }]);
});
