// A daemon that means harm, on a real socket: it may end its own connection, nothing else.

import type { Socket } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { LibvirtClient } from "../../src/libvirt/client.ts";
import { type Frame, FrameSplitter } from "../../src/libvirt/codec/frame.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { Connection } from "../../src/libvirt/connection.ts";
import { openUnixTransport } from "../../src/libvirt/transport.ts";
import { bytes, domainBytes, errorBytes, frameBytes, uuids } from "./codec/bytes.ts";
import { retainedBytes } from "./codec/memory.ts";
import { HostileServer } from "./hostile-server.ts";
import { MemoryTransport } from "./memory-transport.ts";
import { clientOptions, ScriptedDaemon } from "./scripted-daemon.ts";

const event = frameBytes({ type: 2, procedure: 319 }, bytes(0, domainBytes("a", uuids.alpha, 1)));
const ping = frameBytes({ program: 0x6b656570, procedure: 1, type: 2, serial: 0 });

function answerCalls(socket: Socket): void {
  const splitter = new FrameSplitter();
  socket.on("data", (chunk) => {
    for (const { procedure, serial } of splitter.push(chunk)) {
      socket.write(frameBytes({ procedure, serial }));
    }
  });
}

function connect(path: string, stepLimitMs: number): Promise<LibvirtClient> {
  return LibvirtClient.connect(path, { ...clientOptions, stepLimitMs });
}

describe("while a client connects, a daemon that", () => {
  const hostile: readonly [string, (socket: Socket) => void][] = [
    ["accepts and says nothing", () => {}],
    ["sends events without end", (socket) => flood(socket, Buffer.concat(Array(500).fill(event)))],
    ["sends pings without end, and reads nothing", (socket) => floodDeaf(socket, ping)],
    ["sends one byte now and then", (socket) => dribble(socket, frameBytes({ length: 10_000 }))],
  ];

  test.each(hostile)("%s is given up", async (_, act) => {
    await using server = await HostileServer.start(act);
    const startedMs = performance.now();
    const outcome = await connect(server.path, 200).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: expect.stringMatching(/timeout|connection-lost/) });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test.each<[string, (daemon: ScriptedDaemon, call: Frame) => void]>([
    ["answers what was not asked yet", (daemon, call) => replyTo(daemon, call, 1)],
    ["answers an earlier call again", (daemon, call) => replyTo(daemon, call, -1)],
    [
      "answers with another procedure",
      (daemon) => daemon.transport.receive(frameBytes({ serial: 2 })),
    ],
    ["makes calls of its own", (daemon) => daemon.transport.receive(frameBytes({ type: 0 }))],
    ["answers nothing with something", (daemon, call) => daemon.reply(call, bytes(0))],
    ["sends an event it cannot know", (daemon) => daemon.message(350, Buffer.alloc(0))],
  ])("%s breaks the protocol", async (_, act) => {
    const daemon = new ScriptedDaemon();
    daemon.answer(procedures.connectOpen, (call) => {
      act(daemon, call);
      if (!daemon.transport.isClosed) daemon.reply(call, Buffer.alloc(0));
    });
    const outcome = await daemon.connect().catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: "protocol-error" });
    expect(daemon.procedures.at(-1)).toBe(procedures.connectOpen);
    expect(daemon.transport.isClosed).toBe(true);
  });
});

function replyTo(daemon: ScriptedDaemon, call: Frame, calls: number): void {
  daemon.reply({ ...call, serial: call.serial + calls }, Buffer.alloc(0));
}

function flood(socket: Socket, chunk: Buffer): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", write);
  socket.resume();
  write();
}

function floodDeaf(socket: Socket, frame: Buffer): void {
  flood(socket, Buffer.concat(Array<Buffer>(2_000).fill(frame)));
  socket.pause();
}

function dribble(socket: Socket, stream: Buffer): void {
  let at = 0;
  const timer = setInterval(() => socket.write(stream.subarray(at, ++at)), 20);
  socket.once("close", () => clearInterval(timer));
}

test("a ping flood from a daemon that reads nothing costs a bounded memory", async () => {
  await using server = await HostileServer.start((socket) => floodDeaf(socket, ping));
  const transport = await openUnixTransport(server.path, 1_000);
  const connection = new Connection(transport, () => {});
  await expect(connection.closed).resolves.toMatchObject({
    code: "connection-lost",
    message: expect.stringContaining("does not read"),
  });
});

test("events without end do not keep an answer from coming", async () => {
  await using server = await HostileServer.start((socket) => {
    answerCalls(socket);
    flood(socket, Buffer.concat(Array<Buffer>(100).fill(event)));
  });
  const transport = await openUnixTransport(server.path, 1_000);
  const onMessage = vi.fn<() => void>();
  const connection = new Connection(transport, onMessage);
  for (let count = 0; count < 20; count += 1) await connection.call(66, undefined, 5_000);
  expect(onMessage.mock.calls.length).toBeGreaterThan(100);
  connection.close();
});

test("a frame of megabytes in single bytes costs little more than its bytes", () => {
  const transport = new MemoryTransport();
  const connection = new Connection(transport, () => {});
  const million = 1_000_000;
  const retained = retainedBytes(() => {
    transport.receive(frameBytes({ length: 33_554_436 }));
    const byte = Buffer.from([0]);
    for (let count = 0; count < million; count += 1) transport.receive(byte.subarray(0));
    return connection;
  });
  expect(retained).toBeLessThan(4 * million);
  connection.close();
});

test("an error with texts of 4 MiB is a short error", async () => {
  const daemon = new ScriptedDaemon();
  using client = await daemon.connect();
  daemon.answer(59, (call) => daemon.reply(call, errorBytes(1, 7, "x".repeat(4_194_304)), 1));
  const error: unknown = await client.hostname().catch((reason: unknown) => reason);
  expect(String(error).length).toBeLessThan(2_000);
});
