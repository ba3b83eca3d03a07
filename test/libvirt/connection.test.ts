import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { Connection } from "../../src/libvirt/connection.ts";
import { LibvirtError } from "../../src/libvirt/errors.ts";
import { bytes, errorBytes, frameBytes } from "./codec/bytes.ts";
import { MemoryTransport } from "./memory-transport.ts";

const { connectGetHostname, domainGetState } = procedures;
const keepaliveProgram = 0x6b656570;

function openConnection() {
  const transport = new MemoryTransport();
  const messages: [number, string][] = [];
  const connection = new Connection(transport, (procedure, payload) => {
    messages.push([procedure, payload.toString()]);
  });
  return { transport, connection, messages };
}

const reply = (serial: number, payload = bytes(serial)): Buffer => frameBytes({ serial }, payload);

describe("a call", () => {
  test("is one frame of the remote program with a serial of its own", async () => {
    const { transport, connection } = openConnection();
    const calls = [
      connection.call(connectGetHostname, undefined),
      connection.call(domainGetState, Buffer.from("args")),
    ];
    const words = { program: 0x20008086, type: 0, status: 0 };
    const empty = Buffer.alloc(0);
    expect(transport.sent).toEqual([
      { ...words, procedure: connectGetHostname, serial: 1, payload: empty },
      { ...words, procedure: domainGetState, serial: 2, payload: Buffer.from("args") },
    ]);
    connection.close();
    await Promise.allSettled(calls);
  });

  test("gets its own answer, in whatever order and pieces the answers come", async () => {
    const order = fc
      .integer({ min: 1, max: 40 })
      .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count }));
    const pieceBytes = fc.integer({ min: 1, max: 50 });
    const property = fc.asyncProperty(order, pieceBytes, async (serials, size) => {
      const { transport, connection } = openConnection();
      const calls = serials.map(() => connection.call(connectGetHostname, undefined));
      const stream = bytes(...serials.map((at) => reply(at + 1)));
      for (let at = 0; at < stream.length; at += size) {
        transport.receive(stream.subarray(at, at + size));
      }
      const answers = await Promise.all(calls);
      expect(answers.map((answer) => answer.readUInt32BE(0))).toEqual(calls.map((_, i) => i + 1));
      expect(transport.isClosed).toBe(false);
    });
    await fc.assert(property);
  });

  test("that libvirt answers with an error fails alone, and the connection lives", async () => {
    const { transport, connection } = openConnection();
    const failing = connection.call(connectGetHostname, undefined);
    const other = connection.call(connectGetHostname, undefined);
    const error = errorBytes(42, 10, "Domain not found");
    transport.receive(frameBytes({ serial: 1, status: 1 }, error), reply(2));
    await expect(failing).rejects.toBeInstanceOf(LibvirtError);
    await expect(failing).rejects.toMatchObject({ code: 42, message: "Domain not found" });
    expect(await other).toEqual(bytes(2));
    expect(transport.isClosed).toBe(false);
  });

  test("that was answered is answered even if the stream is broken right behind", async () => {
    const { transport, connection } = openConnection();
    const answered = connection.call(connectGetHostname, undefined);
    const pending = connection.call(connectGetHostname, undefined);
    transport.receive(bytes(reply(1), 0));
    expect(await answered).toEqual(bytes(1));
    await expect(pending).rejects.toMatchObject({ code: "protocol-error" });
  });
});

describe("a message", () => {
  test("reaches the listener with its procedure and payload, between the answers", async () => {
    const { transport, connection, messages } = openConnection();
    const call = connection.call(connectGetHostname, undefined);
    const message = frameBytes({ type: 2, serial: 0, procedure: 318 }, Buffer.from("news"));
    transport.receive(bytes(message, reply(1), message));
    await call;
    expect(messages).toEqual([
      [318, "news"],
      [318, "news"],
    ]);
  });

  test("behind the one at which the listener closed the connection is not delivered", () => {
    const transport = new MemoryTransport();
    const seen: string[] = [];
    const connection = new Connection(transport, (_, payload) => {
      seen.push(payload.toString());
      if (seen.length === 2) connection.close();
    });
    const message = (text: string): Buffer => frameBytes({ type: 2 }, Buffer.from(text));
    transport.receive(bytes(message("one"), message("two"), message("three")), message("four"));
    expect(seen).toEqual(["one", "two"]);
  });

  test("at which the listener itself fails does not pass for a broken stream", () => {
    const transport = new MemoryTransport();
    const connection = new Connection(transport, () => {
      throw new TypeError("a bug");
    });
    expect(connection.abandonedCalls).toBe(0);
    expect(() => transport.receive(frameBytes({ type: 2 }))).toThrow(TypeError);
  });
});

test("libvirt's ping is answered with one pong, also when we ask for no signs of life", () => {
  const { transport, messages } = openConnection();
  const ping = frameBytes({ program: keepaliveProgram, procedure: 1, type: 2, serial: 0 });
  transport.receive(ping);
  const pong = { program: keepaliveProgram, procedure: 2, type: 2, serial: 0, status: 0 };
  expect(transport.sent).toMatchObject([pong]);
  expect(messages).toEqual([]);
});
