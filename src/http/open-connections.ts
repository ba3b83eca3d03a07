// The connections of one server, so that it can be closed without waiting for those that ask
// nothing. Node's closeIdleConnections does not do: to it, a connection that has never asked is
// busy, and one that is answered while the server closes is kept for the next question.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export class OpenConnections {
  readonly #server: Server;
  /** With the answer that is under way on each, if there is one. */
  readonly #answers = new Map<Socket, ServerResponse | undefined>();
  readonly #overtaking = new WeakSet<ServerResponse>();
  #isClosing = false;

  /** @param server one that does not listen yet */
  constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#answers.set(socket, undefined);
      socket.once("close", () => this.#answers.delete(socket));
    });
    server.prependListener("request", (request, response) => this.#begin(request, response));
  }

  /** Whether a request on this connection is being answered. */
  isAnswering(socket: Socket): boolean {
    return this.#answers.get(socket) !== undefined;
  }

  /** Whether the request came before the one ahead of it on its connection was answered. */
  isOvertaking(response: ServerResponse): boolean {
    return this.#overtaking.has(response);
  }

  /**
   * Stops accepting, ends the connections that wait for nothing, answers the others and ends them.
   *
   * @param limitMs limit on the answers; what is not answered by then is cut
   */
  async close(limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isClosing = true;
    this.#server.close(() => resolve());
    for (const [socket, answer] of this.#answers) {
      if (answer === undefined) socket.destroy();
      else answer.shouldKeepAlive = false;
    }
    const timer = setTimeout(() => this.#server.closeAllConnections(), limitMs);
    await promise;
    clearTimeout(timer);
  }

  #begin({ socket }: IncomingMessage, response: ServerResponse): void {
    const ahead = this.#answers.get(socket);
    if (ahead !== undefined && !ahead.writableFinished) {
      this.#overtaking.add(response);
      response.shouldKeepAlive = false;
      return;
    }
    this.#answers.set(socket, response);
    response.shouldKeepAlive &&= !this.#isClosing;
    response.once("close", () => {
      if (this.#answers.get(socket) !== response) return;
      this.#answers.set(socket, undefined);
      // Its head was sent before the closing began, and promised that the connection stays.
      if (this.#isClosing) socket.end();
    });
  }
}
