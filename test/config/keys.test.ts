import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { helpText } from "../../src/config/help.ts";
import { configFileOption, configKeys, configSections } from "../../src/config/keys.ts";
import { configSchema } from "../../src/config/schema.ts";
import { allowedText, judgeValue } from "../../src/config/value.ts";

test("the names follow from the path", () => {
  expect(configKeys.map(({ path, variable, flag }) => [path, variable, flag])).toEqual([
    ["hostId", "VMSYNCD_HOST_ID", "--host-id"],
    ["managementNodes", "VMSYNCD_MANAGEMENT_NODES", "--management-nodes"],
    ["libvirt.socket", "VMSYNCD_LIBVIRT_SOCKET", "--libvirt-socket"],
    ["libvirt.stepTimeoutMs", "VMSYNCD_LIBVIRT_STEP_TIMEOUT_MS", "--libvirt-step-timeout-ms"],
    [
      "libvirt.keepaliveIntervalSeconds",
      "VMSYNCD_LIBVIRT_KEEPALIVE_INTERVAL_SECONDS",
      "--libvirt-keepalive-interval-seconds",
    ],
    ["libvirt.keepaliveCount", "VMSYNCD_LIBVIRT_KEEPALIVE_COUNT", "--libvirt-keepalive-count"],
    ["observation.limitMs", "VMSYNCD_OBSERVATION_LIMIT_MS", "--observation-limit-ms"],
    [
      "observation.backgroundSeconds",
      "VMSYNCD_OBSERVATION_BACKGROUND_SECONDS",
      "--observation-background-seconds",
    ],
    ["observation.procPath", "VMSYNCD_OBSERVATION_PROC_PATH", "--observation-proc-path"],
    ["claims.orphanTtlSeconds", "VMSYNCD_CLAIMS_ORPHAN_TTL_SECONDS", "--claims-orphan-ttl-seconds"],
    ["claims.leaseSeconds", "VMSYNCD_CLAIMS_LEASE_SECONDS", "--claims-lease-seconds"],
    ["claims.leaseSecondsMax", "VMSYNCD_CLAIMS_LEASE_SECONDS_MAX", "--claims-lease-seconds-max"],
    [
      "claims.claimAgeWarningSeconds",
      "VMSYNCD_CLAIMS_CLAIM_AGE_WARNING_SECONDS",
      "--claims-claim-age-warning-seconds",
    ],
    ["store.folder", "VMSYNCD_STORE_FOLDER", "--store-folder"],
    ["store.historyDays", "VMSYNCD_STORE_HISTORY_DAYS", "--store-history-days"],
    ["store.historyEntriesMax", "VMSYNCD_STORE_HISTORY_ENTRIES_MAX", "--store-history-entries-max"],
    ["http.socket", "VMSYNCD_HTTP_SOCKET", "--http-socket"],
    ["http.listen", "VMSYNCD_HTTP_LISTEN", "--http-listen"],
    ["log.level", "VMSYNCD_LOG_LEVEL", "--log-level"],
  ]);
  expect(configSections).toEqual(["libvirt", "observation", "claims", "store", "http", "log"]);
});

test("no two keys share a variable or a flag", () => {
  const all = [configFileOption, ...configKeys];
  expect(new Set(all.map((key) => key.variable)).size).toBe(all.length);
  expect(new Set([...all.map((key) => key.flag), "--help", "--version"]).size).toBe(all.length + 2);
});

describe.each(configKeys)("$path", (key) => {
  test("has a description, and a number its unit", () => {
    expect(key.description).toMatch(/^\S.{9,}[^.\s]$/);
    expect(key.units === undefined).toBe(key.schema.type !== "integer");
  });

  test("has a name that ends in its unit, where the unit is one of time", () => {
    const suffix = { milliseconds: "Ms", seconds: "Seconds" }[key.units ?? ""] ?? "";
    const name = key.path.replace(/Max$/, "");
    expect(name.endsWith(suffix)).toBe(true);
    expect(/(Ms|Seconds)$/.test(name)).toBe(suffix !== "");
  });

  test("has a default that it would accept, or says in words what happens without a value", () => {
    const isValid =
      key.default !== undefined && judgeValue(key.schema, key.default).kind === "valid";
    expect(isValid).toBe(key.default !== undefined);
    expect(isValid).toBe(key.schema["x-default"] === undefined);
    expect(key.defaultText).not.toMatch(/undefined|^$/);
  });

  test("says in words what it accepts", () => {
    expect(allowedText(key.schema)).not.toMatch(/undefined|NaN|^text$/);
  });

  test("stands in the help text with all its names and its default", () => {
    const entry = helpText().replaceAll(/\s+/g, " ");
    for (const part of [key.path, key.variable, `${key.flag} `, key.description]) {
      expect(entry).toContain(part);
    }
    expect(entry).toContain(`default: ${key.defaultText}`);
  });
});

test("the help text fits a terminal of 80 columns", () => {
  const lines = helpText().split("\n");
  expect(lines.filter((line) => line.length > 80 || line.endsWith(" "))).toEqual([]);
  for (const flag of ["--config FILE", "--help", "--version"]) expect(lines).toContain(`  ${flag}`);
});

test("the schema is plain JSON that accepts no other key", () => {
  const plain = JSON.parse(JSON.stringify(configSchema));
  expect(plain).toMatchObject({ type: "object", additionalProperties: false });
  for (const section of configSections) {
    expect(plain.properties[section]).toMatchObject({
      type: "object",
      additionalProperties: false,
    });
  }
});

test("only one file reads the environment of the process", () => {
  const folder = new URL("../../src/config/", import.meta.url);
  const readers = readdirSync(folder).filter((file) =>
    readFileSync(new URL(file, folder), "utf8").includes("return process.env;"),
  );
  expect(readers).toEqual(["environment.ts"]);
});
