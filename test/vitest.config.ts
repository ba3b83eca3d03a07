import { defineConfig } from "vitest/config";

const [major] = process.versions.node.split(".").map(Number);
if (major === undefined || major < 24) {
  throw new Error(
    `cannot run the tests: Node 24 or newer is needed and this is ${process.version}; ` +
      "run them with npm test, which uses the Node that the project pins",
  );
}

export default defineConfig({
  test: {
    dir: "test",
    include: ["**/*.test.ts"],
    // Each file has the process to itself: a leaked timer or socket shows in the file that leaks it.
    pool: "forks",
  },
});
