// A stream in memory: what is tested is the connection, and time is the test's.

import { type Frame, FrameSplitter } from "../../src/libvirt/codec/frame.ts";
import type { Transport, TransportListener } from "../../src/libvirt/transport.ts";

export class MemoryTransport implements Transport {
  /** Every frame that was written, in order. */
  readonly sent: Frame[] = [];
  isClosed = false;
  /** Told of each frame that is written. */
  onSent: (frame: Frame) => void = () => {};
  readonly #splitter = new FrameSplitter();
  #listener: TransportListener | undefined;

  write(bytes: Buffer): void {
    if (this.isClosed) throw new Error("cannot write: the transport was closed");
    for (const frame of this.#splitter.push(Buffer.from(bytes))) {
      this.sent.push(frame);
      this.onSent(frame);
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    queueMicrotask(() => this.#listener?.onClose(undefined));
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  /** Bytes arrive from the daemon; also after `close`, as what was under way may. */
  receive(...chunks: readonly Buffer[]): void {
    for (const chunk of chunks) this.#listener?.onData(chunk);
  }

  /** The stream ends from the daemon's side. */
  end(cause?: Error): void {
    this.isClosed = true;
    this.#listener?.onClose(cause);
  }
}
