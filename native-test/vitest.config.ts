import { defineConfig } from "vitest/config";

// A vitest that is called directly runs on whatever Node comes first on the PATH.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  throw new Error(
    `cannot run the native tests on Node ${process.versions.node}: Node 24 is needed, ` +
      "and npm run test:native brings it along",
  );
}

const isForFaults = process.argv.some((argument) => argument.includes("native-test/faults"));

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  test: {
    include: ["native-test/**/*.test.ts"],
    // The faults take a quarter of an hour; npm run test:faults names them.
    exclude: ["**/node_modules/**", ...(isForFaults ? [] : ["native-test/faults/**"])],
    // Each file starts a libvirtd and QEMUs: side by side they would only slow each other.
    fileParallelism: false,
    // Processes, for the oracle is native code and a thread could not be ended in the middle of it.
    pool: "forks",
    // Node loads the files itself, as it does for users: what guards/hook.ts plants is planted then.
    experimental: { viteModuleRunner: false },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
