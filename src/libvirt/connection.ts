// One connection: matches replies to calls by serial, keeps the line alive in both directions, and
// dies cleanly.
//
// INVARIANTS:
// - A connection dies once, for one cause; every pending call is rejected with it, once.
// - A byte stream that broke the protocol is never read again.
// - A call that ran into its limit stays known as *abandoned*, because libvirt still works on it:
//   its late reply is dropped, and a reply to a call that was never made is a protocol error.

import { encodeFrame, type Frame, FrameSplitter } from "./codec/frame.ts";
import { decodePayload, readError } from "./codec/messages.ts";
import {
  frameStatuses,
  frameTypes,
  keepaliveProcedures,
  type Procedure,
  procedureName,
  programs,
} from "./codec/protocol.ts";
import { LibvirtConnectionError, protocolError } from "./errors.ts";
import type { Transport } from "./transport.ts";

/** How the peer is asked for signs of life; libvirt's own defaults are 5 s and 5. */
export interface KeepaliveOptions {
  /** Silence after which the peer is asked whether it lives. */
  readonly intervalMs: number;
  /** Unanswered questions after which the connection is given up. */
  readonly count: number;
}

interface PendingCall {
  readonly procedure: Procedure;
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Receives the payload of an event message. Throws a protocol error on one it does not know. */
export type MessageListener = (procedure: number, payload: Buffer) => void;

/** Abandoned calls after which the peer counts as hung and the connection is given up. */
const abandonedCallsMax = 32;

/**
 * Calls and events over one transport, without knowledge of what they say: payloads in, payloads
 * out. LibvirtClient gives them types.
 */
export class Connection {
  readonly #transport: Transport;
  readonly #onMessage: MessageListener;
  readonly #splitter = new FrameSplitter();
  readonly #pending = new Map<number, PendingCall>();
  readonly #abandoned = new Map<number, Procedure>();
  readonly #closed = Promise.withResolvers<LibvirtConnectionError>();
  #death: LibvirtConnectionError | undefined;
  #serial = 0;
  #keepalive: NodeJS.Timeout | undefined;
  #unansweredPings = 0;
  #receivedSinceTick = false;

  constructor(transport: Transport, onMessage: MessageListener) {
    this.#transport = transport;
    this.#onMessage = onMessage;
    transport.listen({
      onData: (chunk) => this.#receive(chunk),
      onClose: (cause) => this.#die("connection-lost", "the connection ended", cause),
    });
  }

  /** Resolves with the cause when the connection has died; never rejects. */
  get closed(): Promise<LibvirtConnectionError> {
    return this.#closed.promise;
  }

  /** Calls that ran into their limit and that libvirt has not answered yet. */
  get abandonedCalls(): number {
    return this.#abandoned.size;
  }

  /**
   * Makes one call of the remote program.
   *
   * @param limitMs how long to wait; undefined only for a caller that bounds the wait itself and
   *   must know when libvirt is done with the call
   * @returns the payload of the answer
   * @throws LibvirtError what libvirt answered; LibvirtConnectionError `timeout`, or the cause of
   *   the connection's death
   */
  call(procedure: Procedure, payload: Buffer | undefined, limitMs?: number): Promise<Buffer> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    this.#serial = (this.#serial + 1) >>> 0 || 1;
    const serial = this.#serial;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const timer =
      limitMs === undefined ? undefined : setTimeout(() => this.#abandon(serial, limitMs), limitMs);
    this.#pending.set(serial, { procedure, resolve, reject, timer });
    this.#send(programs.remote, procedure, frameTypes.call, serial, payload);
    return promise;
  }

  /** Begins to ask the peer for signs of life. Only after it said that it supports this. */
  startKeepalive(options: KeepaliveOptions): void {
    if (this.#death !== undefined) return; // else nothing would ever stop it
    this.#keepalive = setInterval(() => this.#keepaliveTick(options), options.intervalMs);
  }

  /** Ends the connection; pending calls are rejected with code `closed`. */
  close(): void {
    this.#die("closed", "the connection was closed", undefined);
  }

  /** Ends the connection because an answer could not be decoded: nothing after it is trusted. */
  fail(error: LibvirtConnectionError): void {
    this.#dieOf(error);
  }

  #send(
    program: number,
    procedure: number,
    type: (typeof frameTypes)[keyof typeof frameTypes],
    serial: number,
    payload?: Buffer,
  ): void {
    const header = { program, procedure, type, serial, status: frameStatuses.ok };
    this.#transport.write(encodeFrame(header, payload));
  }

  #abandon(serial: number, limitMs: number): void {
    const call = this.#pending.get(serial);
    if (call === undefined) return;
    this.#pending.delete(serial);
    this.#abandoned.set(serial, call.procedure);
    const name = procedureName(call.procedure);
    const text = `cannot call ${name} of libvirt: it did not answer within ${limitMs} ms; it may hang, try virsh list`;
    call.reject(new LibvirtConnectionError("timeout", text));
    if (this.#abandoned.size > abandonedCallsMax) {
      this.#die("timeout", `${this.#abandoned.size} calls are not answered`, undefined);
    }
  }

  #receive(chunk: Buffer): void {
    if (this.#death !== undefined) return;
    this.#receivedSinceTick = true;
    try {
      for (const frame of this.#splitter.push(chunk)) {
        this.#dispatch(frame);
        // A listener may have closed the connection.
        if (this.#death !== undefined) return;
      }
    } catch (error) {
      if (error instanceof LibvirtConnectionError && error.code === "protocol-error") {
        this.#dieOf(error);
        return;
      }
      throw error;
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === programs.keepalive) {
      this.#onKeepalive(frame);
      return;
    }
    switch (frame.type) {
      case frameTypes.message:
        if (frame.status !== frameStatuses.ok) throw protocolError("a message that is an error");
        this.#onMessage(frame.procedure, frame.payload);
        return;
      case frameTypes.reply:
        this.#onReply(frame);
        return;
      case frameTypes.call:
        throw protocolError(`a call of procedure ${frame.procedure} from libvirt`);
      default:
        throw new Error(`unreachable: ${JSON.stringify(frame.type satisfies never)}`);
    }
  }

  #onReply(frame: Frame): void {
    const call = this.#pending.get(frame.serial);
    const procedure = call?.procedure ?? this.#abandoned.get(frame.serial);
    if (procedure === undefined) throw protocolError(`a reply to unknown serial ${frame.serial}`);
    if (frame.procedure !== procedure) {
      throw protocolError(`a reply of procedure ${frame.procedure} to ${procedure}`);
    }
    if (call === undefined) {
      this.#abandoned.delete(frame.serial);
      return;
    }
    const failure =
      frame.status === frameStatuses.error ? decodePayload(frame.payload, readError) : undefined;
    this.#pending.delete(frame.serial);
    clearTimeout(call.timer);
    if (failure === undefined) call.resolve(frame.payload);
    else call.reject(failure);
  }

  #onKeepalive(frame: Frame): void {
    const { ping, pong } = keepaliveProcedures;
    if (frame.type !== frameTypes.message || frame.payload.length > 0) {
      throw protocolError("a keepalive frame that is no plain message");
    }
    if (frame.procedure === ping) this.#send(programs.keepalive, pong, frameTypes.message, 0);
    else if (frame.procedure !== pong) {
      throw protocolError(`unknown keepalive procedure ${frame.procedure}`);
    }
  }

  #keepaliveTick(options: KeepaliveOptions): void {
    if (this.#receivedSinceTick) {
      this.#receivedSinceTick = false;
      this.#unansweredPings = 0;
      return;
    }
    if (this.#unansweredPings >= options.count) {
      const seconds = (options.intervalMs * (options.count + 1)) / 1000;
      this.#die("keepalive-lost", `no sign of life for ${seconds} s`, undefined);
      return;
    }
    this.#unansweredPings += 1;
    this.#send(programs.keepalive, keepaliveProcedures.ping, frameTypes.message, 0);
  }

  #die(
    code: "connection-lost" | "keepalive-lost" | "timeout" | "closed",
    what: string,
    cause?: Error,
  ) {
    const text = `lost the connection to libvirt: ${cause?.message ?? what}`;
    this.#dieOf(new LibvirtConnectionError(code, text, cause ? { cause } : undefined));
  }

  #dieOf(death: LibvirtConnectionError): void {
    if (this.#death !== undefined) return;
    this.#death = death;
    clearInterval(this.#keepalive);
    this.#transport.close();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#abandoned.clear();
    for (const call of pending) {
      clearTimeout(call.timer);
      call.reject(death);
    }
    this.#closed.resolve(death);
  }
}
