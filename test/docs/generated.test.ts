import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { pages } from "../../docs/generate.ts";

const root = path.resolve(import.meta.dirname, "../..");

test.each(Object.entries(pages()))(
  "%s says what the code says (else: npm run docs)",
  (file, text) => {
    expect(readFileSync(path.join(root, file), "utf8")).toBe(text);
  },
);
