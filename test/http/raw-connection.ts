// A connection on which a test writes bytes of its own, and reads what comes until a mark or the
// end. Nothing here knows HTTP better than the server under test.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { checkAnswer } from "./api.ts";

export class RawConnection implements Disposable {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  received = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      this.received += text;
    });
    socket.on("error", () => {});
    socket.once("close", () => resolve());
  }

  static async open(where: { path: string } | { port: number; host: string }) {
    const socket = connect(where);
    const connection = new RawConnection(socket);
    await once(socket, "connect");
    return connection;
  }

  write(...parts: readonly string[]): void {
    this.socket.write(parts.join("\r\n"));
  }

  /** Asks with the given head and body; no more than one question at a time. */
  get(path: string): void {
    this.write(`GET ${path} HTTP/1.1`, "host: h", "", "");
  }

  /** The last answer that came, its schema checked. */
  answer(method: string, path: string): { status: number; body: unknown; head: string } {
    const at = this.received.lastIndexOf("HTTP/1.1 ");
    const [head = "", ...rest] = this.received.slice(at).split("\r\n\r\n");
    const status = Number(head.split(" ")[1]);
    const body: unknown = JSON.parse(rest.join("\r\n\r\n"));
    const contentType = /^content-type: (.*)$/im.exec(head)?.[1];
    checkAnswer(method, path, { status, contentType, body });
    return { status, body, head };
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
