// The other end of a stream in memory: answers as a libvirtd does, with bytes built by hand, except
// where the test says otherwise.

import { LibvirtClient, type LibvirtClientOptions } from "../../src/libvirt/client.ts";
import type { Frame } from "../../src/libvirt/codec/frame.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { bytes, errorBytes, frameBytes } from "./codec/bytes.ts";
import { MemoryTransport } from "./memory-transport.ts";

/** What happens to a call: a payload is the answer, "silence" is none. */
export type Answer = Buffer | "silence" | ((call: Frame) => void);

export const clientOptions: LibvirtClientOptions = {
  stepLimitMs: 1_000,
  keepalive: { intervalMs: 5_000, count: 3 },
};

const remoteProgram = 0x20008086;
const none = Buffer.alloc(0);

export class ScriptedDaemon {
  readonly transport = new MemoryTransport();
  /** Calls of the remote program, in order. */
  readonly calls: Frame[] = [];
  readonly #answers = new Map<number, Answer>([
    [procedures.authList, bytes(1, 0)],
    [procedures.authPolkit, bytes(1)],
    [procedures.connectOpen, none],
    [procedures.connectSupportsFeature, bytes(1)],
    [procedures.connectDomainEventCallbackRegisterAny, bytes(0)],
  ]);

  constructor() {
    this.transport.onSent = (frame) => {
      if (frame.program !== remoteProgram) return;
      this.calls.push(frame);
      queueMicrotask(() => this.#answer(frame));
    };
  }

  /** Sets what happens to calls of a procedure from now on. */
  answer(procedure: number, answer: Answer): this {
    this.#answers.set(procedure, answer);
    return this;
  }

  /** Calls of a procedure are answered with an error. */
  refuse(procedure: number, code: number, message: string): this {
    return this.answer(procedure, (call) => this.reply(call, errorBytes(code, 7, message), 1));
  }

  reply(call: Frame, payload: Buffer, status = 0): void {
    const { procedure, serial } = call;
    this.transport.receive(frameBytes({ procedure, serial, status }, payload));
  }

  message(procedure: number, payload: Buffer): void {
    this.transport.receive(frameBytes({ procedure, type: 2, serial: 0 }, payload));
  }

  /** A client over this stream; rejects as the product does. */
  connect(options: Partial<LibvirtClientOptions> = {}): Promise<LibvirtClient> {
    return LibvirtClient.over(this.transport, { ...clientOptions, ...options });
  }

  get procedures(): number[] {
    return this.calls.map(({ procedure }) => procedure);
  }

  #answer(call: Frame): void {
    const answer = this.#answers.get(call.procedure) ?? "silence";
    if (answer === "silence" || this.transport.isClosed) return;
    if (typeof answer === "function") answer(call);
    else this.reply(call, answer);
  }
}
