import { defineConfig } from "vitest/config";

const [major] = process.versions.node.split(".").map(Number);
if (major === undefined || major < 24) {
  throw new Error(
    `cannot run the tests: Node 24 or newer is needed and this is ${process.version}; ` +
      "run them with npm test, which uses the Node that the project pins",
  );
}

/** Tests that replace modules with vi.mock, which others in their process would then get as well. */
const mocked = ["**/*.mocked.test.ts"];

export default defineConfig({
  test: {
    dir: "test",
    pool: "forks",
    // Much of the time is waiting for processes and sockets.
    maxWorkers: 2,
    // A backstop, not a measure: what the product promises is asserted where it is promised.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 20_000, interval: 10 } },
    projects: [
      {
        extends: true,
        // One process for many files: to start one and import the product costs more than most tests.
        test: {
          name: "shared",
          include: ["**/*.test.ts"],
          exclude: mocked,
          isolate: false,
          // Node loads the files itself, as it does for users; mocks of modules need the other way.
          experimental: { viteModuleRunner: false },
          setupFiles: "./test/leaves-nothing.ts",
        },
      },
      {
        extends: true,
        test: { name: "mocked", include: mocked },
      },
    ],
  },
});
