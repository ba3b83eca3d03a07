// A proxy between the agent and libvirtd that can hold the agent's calls back, so that libvirt
// answers late and of a later moment. It changes nothing else.

import { connect, createServer, type Server, type Socket } from "node:net";

export class HoldingProxy implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  #held: (() => void)[] | undefined;
  #onHeld: () => void = () => {};

  private constructor(path: string, target: string) {
    this.path = path;
    this.#server = createServer((client) => {
      const daemon = connect({ path: target });
      this.#clients.add(client);
      client.on("data", (chunk) => this.#pass(() => daemon.write(chunk)));
      daemon.on("data", (chunk) => client.write(chunk));
      for (const [one, other] of [
        [client, daemon],
        [daemon, client],
      ] as const) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
      client.on("close", () => this.#clients.delete(client));
    });
  }

  /** Listens at `path` and passes everything on to `target`. */
  static async start(path: string, target: string): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(path, target);
    const { promise, resolve } = Promise.withResolvers<void>();
    proxy.#server.listen(path, resolve);
    await promise;
    return proxy;
  }

  /** From now on calls are held back; resolves when there is one. */
  async hold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = [];
    this.#onHeld = resolve;
    await promise;
  }

  /** Lets go of what was held, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const client of this.#clients) client.destroy();
    await promise;
  }

  #pass(send: () => void): void {
    if (this.#held === undefined) {
      send();
      return;
    }
    this.#held.push(send);
    this.#onHeld();
  }
}
