// The byte stream under a connection. One implementation: libvirt's local unix socket.

import { connect, type Socket } from "node:net";
import { LibvirtConnectionError } from "./errors.ts";

/** A byte stream to libvirt. After `onClose` was called once, nothing is called any more. */
export interface Transport {
  write(bytes: Buffer): void;
  /** Ends the stream at once, without waiting for the peer. */
  close(): void;
  /** Sets who is told; called once, before the first byte is read. */
  listen(listener: TransportListener): void;
}

export interface TransportListener {
  onData(chunk: Buffer): void;
  /** The stream has ended; `cause` if it broke. */
  onClose(cause: Error | undefined): void;
}

/**
 * Opens a unix socket.
 *
 * @param path absolute path of the socket
 * @param limitMs limit on connecting
 * @param signal ends the stream, or the attempt to open it, when it is aborted
 * @throws LibvirtConnectionError `no-socket`, `permission-denied`, `connect-failed`, `timeout`
 */
export function openUnixTransport(
  path: string,
  limitMs: number,
  signal?: AbortSignal,
): Promise<Transport> {
  const { promise, resolve, reject } = Promise.withResolvers<Transport>();
  const socket = connect(signal === undefined ? { path } : { path, signal });
  const timer = setTimeout(() => {
    socket.destroy();
    const what = `no connection within ${limitMs} ms`;
    reject(new LibvirtConnectionError("timeout", `cannot connect to ${path}: ${what}`));
  }, limitMs);
  const onError = (error: NodeJS.ErrnoException): void => {
    clearTimeout(timer);
    reject(connectError(path, error));
  };
  socket.once("error", onError);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", onError);
    resolve(new UnixTransport(socket));
  });
  return promise;
}

function connectError(path: string, cause: NodeJS.ErrnoException): LibvirtConnectionError {
  switch (cause.code) {
    case "ENOENT": {
      const text = `cannot connect to ${path}: no such socket; is libvirt running?`;
      return new LibvirtConnectionError("no-socket", text, { cause });
    }
    case "EACCES":
    case "EPERM": {
      const text = `cannot connect to ${path}: permission denied; the socket must be writable for this user (unix_sock_ro_perms in libvirtd.conf or virtqemud.conf)`;
      return new LibvirtConnectionError("permission-denied", text, { cause });
    }
    case "ECONNREFUSED": {
      const text = `cannot connect to ${path}: refused; nothing listens on it, start libvirt`;
      return new LibvirtConnectionError("connect-failed", text, { cause });
    }
    case "ECONNRESET": {
      const text = `cannot connect to ${path}: libvirt ended meanwhile; is libvirt running?`;
      return new LibvirtConnectionError("connect-failed", text, { cause });
    }
    case "EAGAIN": {
      const text = `cannot connect to ${path}: the queue is full; libvirt does not accept connections`;
      return new LibvirtConnectionError("connect-failed", text, { cause });
    }
    default: {
      const text = `cannot connect to ${path}: ${cause.message}`;
      return new LibvirtConnectionError("connect-failed", text, { cause });
    }
  }
}

/** What this client sends is small, and the kernel takes 200 KiB before any of it waits here. */
const unsentBytesMax = 1_048_576;

class UnixTransport implements Transport {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Errors before listen() are kept by Node as `socket.errored` and end in "close" all the same.
    socket.on("error", () => {});
  }

  write(bytes: Buffer): void {
    // A peer that sends (pings, to be answered) and never reads must not fill our memory.
    if (this.#socket.writableLength > unsentBytesMax) {
      this.#socket.destroy(new Error(`${unsentBytesMax} bytes are unsent: libvirt does not read`));
      return;
    }
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  listen(listener: TransportListener): void {
    const socket = this.#socket;
    socket.on("data", (chunk) => listener.onData(chunk));
    socket.once("close", () => listener.onClose(socket.errored ?? undefined));
    // Without allowHalfOpen Node ends its own side, but waits for what is unsent: not here.
    socket.once("end", () => socket.destroy());
  }
}
