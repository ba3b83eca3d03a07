// Something on a unix socket that is no agent: it answers every connection with the same bytes, or
// with none.

import { createServer, type Server, type Socket } from "node:net";
import { Folder } from "../daemon/simulated-host.ts";

export class ScriptedAgent implements AsyncDisposable {
  readonly folder = new Folder();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  connections = 0;

  /** @param answer sent when something was asked; undefined hangs, "" closes the connection */
  constructor(answer: string | undefined) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", () => {
        if (answer !== undefined) socket.end(answer);
      });
    });
  }

  get socketPath(): string {
    return this.folder.file("agent.sock");
  }

  async listen(): Promise<this> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(this.socketPath, resolve);
    await promise;
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    this.folder[Symbol.dispose]();
  }
}

/** An HTTP answer with a body. */
export function httpAnswer(status: number, body: string): string {
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} Said\r\ncontent-length: ${length}\r\n\r\n${body}`;
}
