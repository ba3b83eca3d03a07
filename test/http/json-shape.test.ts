import { describe, expect, test } from "vitest";
import { isOverbuilt } from "../../src/http/json-shape.ts";

const judge = (text: string): boolean => isOverbuilt(Buffer.from(text));

describe("a body", () => {
  test("with as many entries as a list and the expected VMs may have is read", () => {
    const uuid = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";
    const entry = { vmUuid: uuid, operationId: "op", reason: "start", orphanTtlSeconds: 60 };
    const skipList = Array.from({ length: 20_000 }, () => entry);
    const expect_ = Array.from({ length: 20_000 }, () => uuid);
    const managementNode = { id: "a", epoch: 1, instance: "i", sequence: 1 };
    expect(judge(JSON.stringify({ managementNode, skipList, expect: expect_ }))).toBe(false);
  });

  test.each([
    ["brackets in a text", JSON.stringify({ a: "[{".repeat(100) }), false],
    ["brackets behind an escaped quote", JSON.stringify({ a: `"${"[{".repeat(100)}` }), false],
    ["brackets behind an escaped backslash", `{"a":"\\\\","b":${"[".repeat(40)}`, true],
    ["16 levels", "[".repeat(16), false],
    ["17 levels", "[".repeat(17), true],
    ["a text that does not end", '"[[[[[[[[[[[[[[[[[[[', false],
    ["a quarter of a million values", `[${"1,".repeat(250_000)}1]`, true],
  ])("with %s", (_, text, is) => {
    expect(judge(text)).toBe(is);
  });
});
