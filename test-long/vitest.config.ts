import { defineConfig } from "vitest/config";

// A vitest that is called directly runs on whatever Node comes first on the PATH.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  throw new Error(
    `cannot run the long tests on Node ${process.versions.node}: Node 24 is needed, ` +
      "and npm run test:long brings it along",
  );
}

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    include: ["test-long/**/*.test.ts"],
    // They measure times and load the disk: side by side they would disturb each other.
    fileParallelism: false,
    pool: "forks",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What was run is part of the result.
    disableConsoleIntercept: true,
    expect: { poll: { timeout: 20_000, interval: 10 } },
  },
});
