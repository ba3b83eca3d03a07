// Files share a process: what one leaves open would disturb those that follow, so it fails where it is left.

import assert from "node:assert/strict";
import { afterAll, vi } from "vitest";

/** Sockets, servers, children and threads that keep the process alive, by kind. */
function held(): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (/Wrap$|Worker|MessagePort/.test(kind)) kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

const before = held();

afterAll(async () => {
  // What was closed may need some turns of the loop to be gone.
  const check = (): void => assert.deepEqual(held(), before);
  await vi.waitFor(check, { timeout: 2_000, interval: 5 });
});
