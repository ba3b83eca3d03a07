import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Connection } from "../../src/libvirt/connection.ts";
import { bytes, frameBytes } from "./codec/bytes.ts";
import { MemoryTransport } from "./memory-transport.ts";

const program = 0x6b656570;
const pong = frameBytes({ program, procedure: 2, type: 2, serial: 0 });
const options = { intervalMs: 1_000, count: 3 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openConnection() {
  const transport = new MemoryTransport();
  const connection = new Connection(transport, () => {});
  return { transport, connection };
}

test("a silent peer is asked once per silent interval, with a plain ping", async () => {
  const { transport, connection } = openConnection();
  connection.startKeepalive(options);
  await vi.advanceTimersByTimeAsync(999);
  expect(transport.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  const ping = { program, procedure: 1, type: 2, serial: 0, status: 0, payload: Buffer.alloc(0) };
  expect(transport.sent).toEqual([ping]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(transport.sent).toEqual([ping, ping]);
});

test("a peer that answers is kept for ever", async () => {
  const { transport, connection } = openConnection();
  transport.onSent = () => queueMicrotask(() => transport.receive(pong));
  connection.startKeepalive(options);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(transport.isClosed).toBe(false);
  expect(transport.sent.length).toBeGreaterThan(30);
});

test("any bytes are a sign of life, also those of a frame that is not complete", async () => {
  const { transport, connection } = openConnection();
  connection.startKeepalive(options);
  const slow = frameBytes({ length: 1_000 });
  for (const byte of slow) {
    await vi.advanceTimersByTimeAsync(900);
    transport.receive(Buffer.from([byte]));
  }
  expect(transport.sent).toEqual([]);
  expect(transport.isClosed).toBe(false);
});

test("a peer that leaves `count` questions unanswered is given up, and no earlier", async () => {
  const { transport, connection } = openConnection();
  const pending = connection.call(59, undefined);
  pending.catch(() => {});
  connection.startKeepalive(options);
  await vi.advanceTimersByTimeAsync(3_999);
  expect(transport.sent.filter((frame) => frame.program === program).length).toBe(3);
  expect(transport.isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(transport.isClosed).toBe(true);
  const death = await connection.closed;
  expect(death).toMatchObject({ code: "keepalive-lost" });
  expect(death.message).toContain("no sign of life for 4 s");
  await expect(pending).rejects.toBe(death);
  expect(vi.getTimerCount()).toBe(0);
});

test("a sign of life in the last moment counts from nothing again", async () => {
  const { transport, connection } = openConnection();
  connection.startKeepalive(options);
  await vi.advanceTimersByTimeAsync(3_900);
  transport.receive(pong);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(transport.isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(transport.isClosed).toBe(true);
});

test("asking begins on no connection that has died: nothing would stop it", () => {
  const { transport, connection } = openConnection();
  transport.end();
  connection.startKeepalive(options);
  expect(vi.getTimerCount()).toBe(0);
});

describe("a keepalive frame is refused:", () => {
  test.each([
    ["an unknown procedure", frameBytes({ program, procedure: 3, type: 2 })],
    ["procedure 0", frameBytes({ program, procedure: 0, type: 2 })],
    ["a call", frameBytes({ program, procedure: 1, type: 0 })],
    ["a reply", frameBytes({ program, procedure: 2, type: 1 })],
    ["one with a payload", frameBytes({ program, procedure: 1, type: 2 }, bytes(1))],
  ])("%s", async (_, frame) => {
    const { transport, connection } = openConnection();
    transport.receive(frame);
    await expect(connection.closed).resolves.toMatchObject({ code: "protocol-error" });
  });
});
