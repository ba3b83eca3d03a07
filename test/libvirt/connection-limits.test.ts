import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { Connection } from "../../src/libvirt/connection.ts";
import { bytes, errorBytes, frameBytes } from "./codec/bytes.ts";
import { MemoryTransport } from "./memory-transport.ts";

const { connectGetHostname } = procedures;
const limitMs = 1_000;
const abandonedMax = 32;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function openConnection() {
  const transport = new MemoryTransport();
  const connection = new Connection(transport, () => {});
  const call = (limit?: number) => {
    const answer = connection.call(connectGetHostname, undefined, limit);
    answer.catch(() => {});
    return answer;
  };
  return { transport, connection, call };
}

const reply = (serial: number): Buffer => frameBytes({ serial }, bytes(serial));

describe("a call past its limit", () => {
  test("is rejected at its limit and not before, and stays known as abandoned", async () => {
    const { transport, connection, call } = openConnection();
    const settled = vi.fn<() => void>();
    const late = call(limitMs);
    late.then(settled, settled);
    await vi.advanceTimersByTimeAsync(limitMs - 1);
    expect(settled).not.toHaveBeenCalled();
    expect(connection.abandonedCalls).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await expect(late).rejects.toMatchObject({ code: "timeout" });
    expect(connection.abandonedCalls).toBe(1);
    expect(transport.isClosed).toBe(false);
  });

  test.each([
    ["an answer", reply(1)],
    ["an error", frameBytes({ serial: 1, status: 1 }, errorBytes(38, 0, "late"))],
  ])("has %s that comes late dropped, and the next call works", async (_, lateReply) => {
    const { transport, connection, call } = openConnection();
    const late = call(limitMs);
    await vi.advanceTimersByTimeAsync(limitMs);
    const next = call(limitMs);
    transport.receive(lateReply, reply(2));
    await expect(late).rejects.toMatchObject({ code: "timeout" });
    expect(await next).toEqual(bytes(2));
    expect(connection.abandonedCalls).toBe(0);
  });

  test("may be answered once: a second late reply breaks the protocol", async () => {
    const { transport, connection, call } = openConnection();
    void call(limitMs);
    await vi.advanceTimersByTimeAsync(limitMs);
    transport.receive(reply(1));
    expect(transport.isClosed).toBe(false);
    transport.receive(reply(1));
    await expect(connection.closed).resolves.toMatchObject({ code: "protocol-error" });
  });
});

test("a late reply of another procedure breaks the protocol, as one in time does", async () => {
  const { transport, connection, call } = openConnection();
  void call(limitMs);
  await vi.advanceTimersByTimeAsync(limitMs);
  transport.receive(frameBytes({ serial: 1, procedure: 1 }));
  await expect(connection.closed).resolves.toMatchObject({ code: "protocol-error" });
});

describe("abandoned calls", () => {
  test(`of ${abandonedMax} are borne, one more ends the connection`, async () => {
    const { transport, connection, call } = openConnection();
    const unlimited = call();
    for (let count = 0; count < abandonedMax; count += 1) void call(limitMs);
    await vi.advanceTimersByTimeAsync(limitMs);
    expect(connection.abandonedCalls).toBe(abandonedMax);
    expect(transport.isClosed).toBe(false);
    void call(limitMs);
    await vi.advanceTimersByTimeAsync(limitMs);
    expect(transport.isClosed).toBe(true);
    await expect(connection.closed).resolves.toMatchObject({ code: "timeout" });
    await expect(unlimited).rejects.toMatchObject({ code: "timeout" });
  });

  test("that were answered in the end do not count", async () => {
    const { transport, connection, call } = openConnection();
    for (let serial = 1; serial <= 3 * abandonedMax; serial += 1) {
      void call(limitMs);
      await vi.advanceTimersByTimeAsync(limitMs);
      transport.receive(reply(serial));
    }
    expect(connection.abandonedCalls).toBe(0);
    expect(transport.isClosed).toBe(false);
  });
});

describe("timers", () => {
  test("a call without a limit waits for ever and holds none", async () => {
    const { transport, call } = openConnection();
    const answer = call();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(86_400_000);
    transport.receive(reply(1));
    expect(await answer).toEqual(bytes(1));
  });

  test("an answered call leaves none, whatever the answer", async () => {
    const { transport, call } = openConnection();
    const calls = [call(limitMs), call(limitMs)];
    expect(vi.getTimerCount()).toBe(2);
    transport.receive(reply(1), frameBytes({ serial: 2, status: 1 }, errorBytes(1, 0, "no")));
    await Promise.allSettled(calls);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a dead connection leaves none", async () => {
    const { connection, call } = openConnection();
    void call(limitMs);
    connection.startKeepalive({ intervalMs: 100, count: 3 });
    connection.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
