import { describe, expect, test } from "vitest";
import { findOlderNode } from "./older-node.ts";
import { run } from "./program.ts";

const olderNode = findOlderNode();

describe.skipIf(olderNode === undefined)("on a Node that is too old", { timeout: 40_000 }, () => {
  test.each(["vmsyncd", "vmsyncctl"])("%s says which it needs, and ends with 1", async (name) => {
    const node = olderNode ?? "";
    const { code, out, error } = await run(`bin/${name}.mjs`, ["--help"], { node });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toMatch(
      new RegExp(
        `^${name} needs Node 24 or newer, and this is v\\d+\\.\\d+\\.\\d+: .*npm ci.*\\.\\n$`,
      ),
    );
  });
});
