// The map of the house: which folder may import which. The linter refuses what its rules name; this
// table refuses whatever it does not name, a new folder too.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../../src");

/** Folder (the longest that fits counts) and the places in src that it may import from. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: ["core"],
  config: ["config", "schema.ts"],
  "libvirt/codec": ["libvirt/codec", "libvirt/errors.ts"],
  libvirt: ["libvirt"],
  observer: ["observer", "core", "libvirt"],
  agent: ["agent", "core"],
  store: ["store", "core", "agent/ports.ts"],
  "http/schema": ["http/schema", "core", "schema.ts"],
  http: ["http", "agent", "core", "schema.ts"],
  client: ["client", "http/schema", "schema.ts"],
  cli: ["cli", "client", "config", "store/backup.ts", "store/read-only.ts"],
  simulator: ["simulator", "libvirt/codec", "libvirt/errors.ts"],
  demo: ["demo", "client", "config", "simulator", "log.ts", "main.ts"],
  "schema.ts": [],
  "log.ts": [],
  "clock.ts": ["agent/ports.ts"],
  "main.ts": [
    "agent",
    "clock.ts",
    "config",
    "core",
    "http",
    "libvirt",
    "log.ts",
    "observer",
    "store",
  ],
};

/** Folders in which nothing of Node and no package may be imported, but these. */
const pure: Readonly<Record<string, readonly string[]>> = {
  core: [],
  "libvirt/codec": [],
  "http/schema": [],
  // Its types; its code is what the file is there not to load.
  "schema.ts": ["typebox"],
};

interface Import {
  readonly file: string;
  /** Path below src, or the name of a package. */
  readonly target: string;
  readonly isLocal: boolean;
}

const importPattern = /^\s*(?:import|export)\b(?:[\w\s{},*]*?\bfrom)?\s*["']([^"']+)["']/gm;

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(importPattern)].map(([, specifier = ""]) => {
    const isLocal = specifier.startsWith(".");
    return {
      file,
      target: isLocal ? path.join(path.dirname(file), specifier) : specifier,
      isLocal,
    };
  });
}

function isBelow(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

/** The row of the table that holds for a file; undefined for a folder that it does not name. */
function rowOf(file: string): string | undefined {
  const rows = Object.keys(allowed).filter((place) => isBelow(file, place));
  return rows.toSorted((one, other) => other.length - one.length)[0];
}

/** Why an import is not allowed; undefined if it is. */
function breach({ file, target, isLocal }: Import): string | undefined {
  const row = rowOf(file);
  if (row === undefined) return `${file}: the map does not name its folder`;
  if (isLocal) {
    const isAllowed = (allowed[row] ?? []).some((place) => isBelow(target, place));
    return isAllowed ? undefined : `${file} imports ${target}`;
  }
  const packages = pure[row];
  return packages === undefined || packages.includes(target)
    ? undefined
    : `${file} imports ${target}`;
}

const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);

test("every import in src is one that the map allows", () => {
  const imports = files.flatMap(importsOf);
  expect(imports.length).toBeGreaterThan(200);
  expect(imports.map(breach).filter((found) => found !== undefined)).toEqual([]);
});

test("of TypeBox the types alone are imported: its code is half of the files of a start", () => {
  const lines = files.flatMap((file) => readFileSync(path.join(root, file), "utf8").split("\n"));
  const imports = lines.filter((line) => line.includes('from "typebox"'));
  expect(imports.length).toBeGreaterThan(0);
  expect(imports.filter((line) => !/^(import|export) type /.test(line))).toEqual([]);
});

describe("the map refuses", () => {
  test.each([
    ["a folder that it does not name", "novelty/a.ts", "core/vm-uuid.ts", true],
    ["core importing a folder of tomorrow", "core/a.ts", "zstack/routes.ts", true],
    ["the store importing more of the agent than its port", "store/a.ts", "agent/agent.ts", true],
    ["core importing Node", "core/a.ts", "node:fs", false],
    ["a schema importing the agent", "http/schema/a.ts", "agent/agent.ts", true],
    ["a schema importing fastify", "http/schema/a.ts", "fastify", false],
    ["the codec importing what is no error", "libvirt/codec/a.ts", "libvirt/events.ts", true],
    ["the client importing the server", "client/a.ts", "http/app.ts", true],
  ])("%s", (_, file, target, isLocal) => {
    expect(breach({ file, target, isLocal })).toBeDefined();
  });
});
