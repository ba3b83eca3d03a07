import { defineConfig } from "vitest/config";

const [major] = process.versions.node.split(".").map(Number);
if (major === undefined || major < 24) {
  throw new Error(
    `cannot run the tests: Node 24 or newer is needed and this is ${process.version}; ` +
      "run them with npm test, which uses the Node that the project pins",
  );
}

/** Tests of code that has no process, socket or timer of its own: they may share one process. */
const pure = [
  "core/**",
  "agent/**",
  "http/**",
  "libvirt/codec/**",
  "client/session/**",
  "docs/**",
].map((folder) => `${folder}/*.test.ts`);

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
        test: { name: "pure", include: pure, isolate: false },
      },
      {
        extends: true,
        // Each file has the process to itself: a leaked timer or socket shows in the file that leaks it.
        test: { name: "processes", include: ["**/*.test.ts"], exclude: pure },
      },
    ],
  },
});
