// A connection that can say anything, for what the typed client would never say.

import { connect, type Socket } from "node:net";
import { type Frame, FrameSplitter } from "../../src/libvirt/codec/frame.ts";
import { decodePayload, readError } from "../../src/libvirt/codec/messages.ts";
import { programs } from "../../src/libvirt/codec/protocol.ts";
import type { LibvirtError } from "../../src/libvirt/errors.ts";
import { bytes, type FrameWords, frameBytes } from "../libvirt/codec/bytes.ts";

export class RawConnection implements Disposable {
  /** Everything that came, in order. */
  readonly received: Frame[] = [];
  /** Resolves when the daemon has ended the connection. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: Frame) => void>();
  #serial = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const splitter = new FrameSplitter();
    socket.on("data", (chunk) => {
      for (const frame of splitter.push(chunk)) {
        this.received.push(frame);
        if (frame.program === programs.remote) this.#waiting.get(frame.serial)?.(frame);
      }
    });
    socket.on("error", () => {}); // a reset is an end like any other
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static async open(path: string): Promise<RawConnection> {
    const socket = connect({ path });
    const connection = new RawConnection(socket);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return connection;
  }

  /** Authenticates and opens the driver, as every client must. */
  static async ready(path: string): Promise<RawConnection> {
    const connection = await RawConnection.open(path);
    await connection.call(66);
    await connection.call(1, bytes(1, "qemu:///system", 1));
    return connection;
  }

  /** Sends one call and resolves with the reply, whatever its status; wrong words can be given. */
  call(procedure: number, payload?: Buffer, words: FrameWords = {}): Promise<Frame> {
    this.#serial += 1;
    const serial = this.#serial;
    const reply = new Promise<Frame>((resolve) => this.#waiting.set(serial, resolve));
    this.send(frameBytes({ type: 0, procedure, serial, ...words }, payload));
    return reply;
  }

  send(stream: Buffer): void {
    this.#socket.write(stream);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The error that a reply carries; throws if it is none. */
export function errorOf(reply: Frame): LibvirtError {
  if (reply.status !== 1) throw new Error(`procedure ${reply.procedure} did not fail`);
  return decodePayload(reply.payload, readError);
}
