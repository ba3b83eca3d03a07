import { createServer, type Server, type Socket } from "node:net";
import { SocketFolder } from "./socket-folder.ts";

/** A server on a unix socket that does to each connection what the test says. */
export class HostileServer implements AsyncDisposable {
  readonly #folder = new SocketFolder();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}); // the client may go at any time
      socket.once("close", () => this.#sockets.delete(socket));
      onConnection(socket);
    });
  }

  static async start(onConnection: (socket: Socket) => void): Promise<HostileServer> {
    const server = new HostileServer(onConnection);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen({ path: server.path, backlog: 2 }, resolve);
    await promise;
    return server;
  }

  get path(): string {
    return this.#folder.socket();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    this.#folder[Symbol.dispose]();
  }
}
