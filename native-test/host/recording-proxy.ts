// A proxy between the agent and libvirtd that reads along: which calls are made, and how many of a
// kind wait for their answer at the same time. It changes nothing.

import { createServer, connect, type Server } from "node:net";
import { FrameSplitter } from "../../src/libvirt/codec/frame.ts";
import { frameTypes, programs } from "../../src/libvirt/codec/protocol.ts";

export class RecordingProxy implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #calls = new Map<number, number>();
  readonly #inFlight = new Map<number, number>();
  readonly #peak = new Map<number, number>();
  #peakOfAll = 0;

  private constructor(path: string, target: string) {
    this.path = path;
    this.#server = createServer((client) => {
      const daemon = connect({ path: target });
      const calls = new FrameSplitter();
      const answers = new FrameSplitter();
      client.on("data", (chunk) => {
        for (const { program, procedure, type } of calls.push(chunk)) {
          if (program === programs.remote && type === frameTypes.call) this.#began(procedure);
        }
        daemon.write(chunk);
      });
      daemon.on("data", (chunk) => {
        for (const { program, procedure, type } of answers.push(chunk)) {
          if (program === programs.remote && type === frameTypes.reply) this.#ended(procedure);
        }
        client.write(chunk);
      });
      for (const [one, other] of [
        [client, daemon],
        [daemon, client],
      ] as const) {
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
  }

  /** Listens at `path` and passes everything on to `target`. */
  static async start(path: string, target: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(path, target);
    const { promise, resolve } = Promise.withResolvers<void>();
    proxy.#server.listen(path, resolve);
    await promise;
    return proxy;
  }

  /** Calls of a procedure so far. */
  calls(procedure: number): number {
    return this.#calls.get(procedure) ?? 0;
  }

  /** Most calls of a procedure that ever waited for their answers together. */
  peak(procedure: number): number {
    return this.#peak.get(procedure) ?? 0;
  }

  /** Most calls of any procedure that ever waited for their answers together. */
  get peakOfAll(): number {
    return this.#peakOfAll;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #began(procedure: number): void {
    const inFlight = (this.#inFlight.get(procedure) ?? 0) + 1;
    this.#inFlight.set(procedure, inFlight);
    this.#calls.set(procedure, this.calls(procedure) + 1);
    this.#peak.set(procedure, Math.max(this.peak(procedure), inFlight));
    const ofAll = [...this.#inFlight.values()].reduce((sum, count) => sum + count, 0);
    this.#peakOfAll = Math.max(this.#peakOfAll, ofAll);
  }

  #ended(procedure: number): void {
    this.#inFlight.set(procedure, (this.#inFlight.get(procedure) ?? 0) - 1);
  }
}
