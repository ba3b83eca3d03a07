// However a connection ends: once, for one cause, and nothing hangs.

import { describe, expect, test, vi } from "vitest";
import { Connection } from "../../src/libvirt/connection.ts";
import { type LibvirtConnectionError, protocolError } from "../../src/libvirt/errors.ts";
import { bytes, errorBytes, frameBytes } from "./codec/bytes.ts";
import { MemoryTransport } from "./memory-transport.ts";

const hostname = 59;

/** Opens a connection with three calls under way, has it killed, and checks how it died. */
async function deathBy(
  kill: (transport: MemoryTransport, connection: Connection) => void,
): Promise<LibvirtConnectionError> {
  const transport = new MemoryTransport();
  const onMessage = vi.fn<() => void>();
  const connection = new Connection(transport, onMessage);
  const settled = vi.fn<() => void>();
  const calls = [undefined, 60_000, 60_000].map((limitMs) => {
    const call = connection.call(hostname, undefined, limitMs);
    call.then(settled, settled);
    return call;
  });
  kill(transport, connection);
  const death = await connection.closed;

  for (const call of calls) await expect(call).rejects.toBe(death);
  expect(settled).toHaveBeenCalledTimes(3);
  await expect(connection.call(hostname, undefined)).rejects.toBe(death);
  expect(transport.isClosed).toBe(true);
  expect(connection.abandonedCalls).toBe(0);

  // Whatever comes afterwards is not even looked at.
  const sent = transport.sent.length;
  transport.receive(frameBytes({ serial: 1 }), frameBytes({ type: 2 }), Buffer.from("garbage"));
  transport.receive(frameBytes({ program: 0x6b656570, procedure: 1, type: 2 }));
  transport.end(new Error("again"));
  connection.fail(protocolError("again"));
  connection.close();
  expect(await connection.closed).toBe(death);
  expect(onMessage).not.toHaveBeenCalled();
  expect(transport.sent.length).toBe(sent);
  return death;
}

describe("a connection dies once, with every call, when", () => {
  test("libvirt ends it", async () => {
    const death = await deathBy((transport) => transport.end());
    expect(death).toMatchObject({ code: "connection-lost" });
    expect(death.message).toBe("lost the connection to libvirt: the connection ended");
  });

  test("it breaks: the cause is told", async () => {
    const cause = new Error("read ECONNRESET");
    const death = await deathBy((transport) => transport.end(cause));
    expect(death).toMatchObject({ code: "connection-lost", cause });
    expect(death.message).toContain("read ECONNRESET");
  });

  test("we close it", async () => {
    const death = await deathBy((_, connection) => connection.close());
    expect(death).toMatchObject({ code: "closed" });
  });

  test("an answer cannot be decoded", async () => {
    const cause = protocolError("nonsense");
    expect(await deathBy((_, connection) => connection.fail(cause))).toBe(cause);
  });

  test("a listener does not understand a message", async () => {
    const transport = new MemoryTransport();
    const cause = protocolError("an unknown message");
    const connection = new Connection(transport, () => {
      throw cause;
    });
    transport.receive(frameBytes({ type: 2 }));
    expect(await connection.closed).toBe(cause);
    expect(transport.isClosed).toBe(true);
  });
});

const intMax = 2 ** 32 - 1;

describe("a protocol error ends the connection:", () => {
  test.each([
    ["a frame of 0 bytes", bytes(0)],
    ["a frame of 27 bytes", bytes(27, Buffer.alloc(30))],
    ["a frame of 33554437 bytes", bytes(33_554_437)],
    ["a frame of 2^32-1 bytes", bytes(intMax)],
    ["HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["an unknown program", frameBytes({ program: 1 })],
    ["an unknown version", frameBytes({ version: 2 })],
    ["an unknown type", frameBytes({ type: 5 })],
    ["an unknown status", frameBytes({ status: 3 })],
    ["a reply to a serial that was never used", frameBytes({ serial: 4 })],
    ["a reply to serial 0", frameBytes({ serial: 0 })],
    ["a reply to serial 2^32-1", frameBytes({ serial: intMax })],
    ["a reply of another procedure", frameBytes({ serial: 2, procedure: 60 })],
    [
      "an error of another procedure",
      frameBytes({ procedure: 1, status: 1 }, errorBytes(1, 1, "")),
    ],
    ["a call", frameBytes({ type: 0, serial: 1 })],
    ["a message with the status of an error", frameBytes({ type: 2, procedure: 318, status: 1 })],
    ["an error without its body", frameBytes({ serial: 1, status: 1 })],
    ["an error cut off", frameBytes({ status: 1 }, errorBytes(1, 1, "cut").subarray(0, -4))],
    ["an error with bytes too many", frameBytes({ status: 1 }, bytes(errorBytes(1, 1, ""), 0))],
    ["an error whose text is too long", frameBytes({ status: 1 }, bytes(1, 7, 1, 4_194_305))],
  ])("%s", async (_, stream) => {
    const death = await deathBy((transport) => transport.receive(stream));
    expect(death).toMatchObject({ code: "protocol-error" });
    expect(death.message).toContain("cannot decode libvirt's answer: ");
  });

  test("a second reply to the same call", async () => {
    const transport = new MemoryTransport();
    const connection = new Connection(transport, () => {});
    const call = connection.call(hostname, undefined);
    transport.receive(frameBytes({ serial: 1 }, bytes("one")));
    expect(await call).toEqual(bytes("one"));
    transport.receive(frameBytes({ serial: 1 }, bytes("two")));
    await expect(connection.closed).resolves.toMatchObject({ code: "protocol-error" });
  });
});
