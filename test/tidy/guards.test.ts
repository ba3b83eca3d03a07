// `npm run test:guards` takes the guards out by replacing text: the code moves on, and a guard that
// cannot be taken out any more is noticed here, without a libvirtd.

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { guards } from "../../native-test/guards/guards.ts";

const root = path.resolve(import.meta.dirname, "../..");

function textOf(file: string): string {
  return readFileSync(path.join(root, file), "utf8");
}

test("each guard has a name of its own", () => {
  const names = guards.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

test.each(guards)("the guard $name can be taken out of the code", ({ replacements }) => {
  expect(replacements.length).toBeGreaterThan(0);
  for (const { file, from, to } of replacements) {
    expect(textOf(`src/${file}`).split(from), `its text in ${file}`).toHaveLength(2);
    expect(to).not.toBe(from);
  }
});

test.each(guards)("the test of the guard $name is there", ({ test: file, pattern }) => {
  // A title may be put together: what stands in quotes is the value of a row.
  for (const part of pattern.split(/'[^']*'/)) expect(textOf(file)).toContain(part.trim());
});
