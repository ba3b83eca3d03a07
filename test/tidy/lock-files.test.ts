import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string; resolved?: string }>
  >;
}

function read(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

describe.each(["package-lock.json", "native-test/package-lock.json"])("%s", (file) => {
  const lock = JSON.parse(read(file)) as Lock;
  const installed = Object.entries(lock.packages).filter(([name]) => name !== "");

  test("holds no download address", () => {
    expect(read(file)).not.toMatch(/https?:\/\/[^"]*\.tgz/);
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  test("locks every package by its content", () => {
    expect(installed.length).toBeGreaterThan(0);
    expect(installed.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
  });
});

test("the pinned Node is the same on every architecture, and the tests run on it", () => {
  const lock = JSON.parse(read("package-lock.json")) as Lock;
  const versions = ["x64", "arm64"].map((cpu) => {
    return lock.packages[`node_modules/node-linux-${cpu}`]?.version;
  });
  expect(versions[1]).toBe(versions[0]);
  expect(process.version).toBe(`v${versions[0]}`);
});
