import { Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openUnixTransport } from "../../src/libvirt/transport.ts";

// Linux never lets a connect to a unix socket wait; the limit is for whatever else may.
const made: Socket[] = [];
vi.mock("node:net", async (original) => ({
  ...(await original<typeof import("node:net")>()),
  connect: () => {
    const socket = new Socket();
    made.push(socket);
    return socket;
  },
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a connect that does not come back is given up at its limit, and its socket with it", async () => {
  const outcome = openUnixTransport("/run/never", 1_000).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(999);
  expect(made[0]?.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await outcome).toMatchObject({
    code: "timeout",
    message: "cannot connect to /run/never: no connection within 1000 ms",
  });
  expect(made[0]?.destroyed).toBe(true);
});
