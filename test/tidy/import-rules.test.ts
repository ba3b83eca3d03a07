// The rules of the house are held by the linter; this test proves that they bite. Each breach is
// planted as a file of its own in an empty copy of the project's layout.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const oxlint = path.join(root, "node_modules/.bin/oxlint");

/** folder, what it imports, and whether that is a breach */
const imports: readonly (readonly [folder: string, from: string, isBreach: boolean])[] = [
  ["core", "../libvirt/errors.ts", true],
  ["core", "../agent/ports.ts", true],
  ["core", "../config/keys.ts", true],
  ["core", "../main.ts", true],
  ["core", "../store/open.ts", true],
  ["core", "node:fs", true],
  ["core", "fastify", true],
  ["core", "./claims.ts", false],
  ["core/deeper", "../../http/app.ts", true],
  ["config", "../core/vm-uuid.ts", true],
  ["config", "yaml", false],
  ["libvirt", "../core/vm-uuid.ts", true],
  ["libvirt", "node:net", false],
  ["libvirt/codec", "node:net", true],
  ["libvirt/codec", "../transport.ts", true],
  ["libvirt/codec", "../connection.ts", true],
  ["libvirt/codec", "../../core/vm-uuid.ts", true],
  ["libvirt/codec", "../errors.ts", false],
  ["observer", "../agent/ports.ts", true],
  ["observer", "../http/app.ts", true],
  ["observer", "../core/observation.ts", false],
  ["observer", "../libvirt/client.ts", false],
  ["agent", "../libvirt/client.ts", true],
  ["agent", "../observer/observer.ts", true],
  ["agent", "../http/app.ts", true],
  ["agent", "../core/report.ts", false],
  ["agent", "../store/sqlite-store.ts", true],
  ["store", "../agent/agent.ts", true],
  ["store", "../http/app.ts", true],
  ["store", "../config/schema.ts", true],
  ["store", "../agent/ports.ts", false],
  ["store", "../core/records.ts", false],
  ["store", "node:sqlite", false],
  ["http", "../store/sqlite-store.ts", true],
  ["http", "../libvirt/client.ts", true],
  ["http", "../observer/observer.ts", true],
  ["http", "../client/client.ts", true],
  ["http", "../agent/agent.ts", false],
  ["http/schema", "../../observer/observer.ts", true],
  ["http/schema", "../../core/vm-uuid.ts", false],
  ["client", "../http/app.ts", true],
  ["client", "../core/skip-list.ts", true],
  ["client", "../agent/agent.ts", true],
  ["client", "../http/schema/report.ts", false],
  ["cli", "../agent/agent.ts", true],
  ["cli", "../http/schema/report.ts", true],
  ["cli", "../core/vm-uuid.ts", true],
  ["cli", "../client/client.ts", false],
  ["cli", "../store/open.ts", true],
  ["cli", "../store/begin.ts", true],
  ["cli", "../store/reader-worker.ts", true],
  ["cli", "../store/read-only.ts", false],
  ["cli", "../store/backup.ts", false],
  ["simulator", "../libvirt/client.ts", true],
  ["simulator", "../observer/observer.ts", true],
  ["simulator", "../libvirt/codec/protocol.ts", false],
];

const longFunction = `export function long(): void {\n${"  void 0;\n".repeat(71)}}\n`;
const longFile = Array.from({ length: 401 }, (_, at) => `export const b${at} = 1;\n`).join("");
const otherRules: readonly (readonly [file: string, text: string, rule: string])[] = [
  ["src/agent/reads-environment.ts", "export const a = process.env;\n", "no-process-env"],
  ["src/agent/long-function.ts", longFunction, "max-lines-per-function"],
  ["src/agent/long-file.ts", longFile, "max-lines"],
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

let folder: string;
let diagnostics: readonly Diagnostic[];

function importFile(index: number): string {
  return `src/${imports[index]?.[0]}/planted-${index}.ts`;
}

function plant(file: string, text: string): void {
  const target = path.join(folder, file);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, text);
}

function rulesBrokenBy(file: string): string[] {
  const own = diagnostics.filter(({ filename }) => filename.endsWith(file));
  return own.map(({ code }) => /\(([^)]*)\)/.exec(code)?.[1] ?? code);
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-tidy-"));
  cpSync(path.join(root, ".oxlintrc.json"), path.join(folder, ".oxlintrc.json"));
  for (const [index, [, from]] of imports.entries()) {
    plant(importFile(index), `export * from ${JSON.stringify(from)};\n`);
  }
  for (const [file, text] of otherRules) plant(file, text);
  // Without types: the planted files import what is not there. The exit code says that it found some.
  const run = promisify(execFile)(oxlint, ["--format", "json", "src"], { cwd: folder });
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  diagnostics = (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("imports point inward", () => {
  test.each(imports.map(([from, to, isBreach], index) => ({ from, to, isBreach, index })))(
    "src/$from importing $to is a breach: $isBreach",
    ({ isBreach, index }) => {
      const broken = rulesBrokenBy(importFile(index)).includes("no-restricted-imports");
      expect(broken).toBe(isBreach);
    },
  );
});

test.each(otherRules)("%s is refused by the linter", (file, _, rule) => {
  expect(rulesBrokenBy(file)).toContain(rule);
});
