import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly libc?: string | readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** Whether a package can be installed where this project runs. */
function isOurs({ os = "linux", cpu = ["x64", "arm64"], libc = "glibc" }: LockedPackage): boolean {
  const runsOn = [cpu].flat().some((one) => one === "x64" || one === "arm64");
  return [os].flat().includes("linux") && [libc].flat().includes("glibc") && runsOn;
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

  test("locks every package that Linux gets by its content", () => {
    const ours = installed.filter(([, locked]) => isOurs(locked));
    expect(ours.length).toBeGreaterThan(0);
    expect(ours.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
  });

  // npm ci refuses a lock file that leaves out even a package for another system, and npm leaves
  // one out when its registry lacks it.
  test("names every optional dependency, those of other systems too", () => {
    const wanted = installed.flatMap(([, locked]) =>
      Object.keys(locked.optionalDependencies ?? {}),
    );
    expect(wanted.filter((name) => lock.packages[`node_modules/${name}`] === undefined)).toEqual(
      [],
    );
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
