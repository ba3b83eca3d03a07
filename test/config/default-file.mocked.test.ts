import { expect, test, vi } from "vitest";

// The usual file cannot be put in place by a test, so its absence is: any other path is real.
const answers = vi.hoisted(() => ({ kind: "missing", text: "", asked: "" }));
vi.mock("../../src/config/file.ts", () => ({
  readFileText: (file: string) => Object.assign(answers, { asked: file }),
}));

const { loadConfig } = await import("../../src/config/load.ts");

test("a missing default file means the defaults", () => {
  expect(loadConfig({ argv: [], environment: {} }).log.level).toBe("info");
});

test("the default file, where there is one, is read", () => {
  Object.assign(answers, { kind: "text", text: "log: {level: debug}" });
  expect(loadConfig({ argv: [], environment: {} }).log.level).toBe("debug");
  expect(answers.asked).toBe("/etc/vmsyncd/config.yaml");
});
