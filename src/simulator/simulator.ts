// An embedded libvirtd: speaks the real RPC protocol on a unix socket, over simulated domains and a
// simulated process table. It is the demo's host and the tests' fault injector.

import { mkdirSync, renameSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import { authTypes } from "../libvirt/codec/protocol.ts";
import { CallCounts } from "./call-counts.ts";
import { SimulatedDomains, type Timings } from "./domains.ts";
import { Faults } from "./faults.ts";
import { type Daemon, type DaemonKeepalive, Session } from "./session.ts";

export interface SimulatorOptions {
  /** Folder for the socket and the process table; made if missing. */
  readonly folder: string;
  readonly hostname?: string;
  readonly timings?: Timings;
  /** Ways to authenticate that are offered; only none by default. */
  readonly authTypes?: readonly number[];
  /** By default what libvirtd.conf says by default: five questions, one every 5 s. */
  readonly keepalive?: DaemonKeepalive;
}

export class Simulator implements AsyncDisposable {
  readonly domains: SimulatedDomains;
  readonly faults = new Faults();
  readonly calls = new CallCounts();
  readonly socketPath: string;
  readonly procPath: string;
  readonly #daemon: Daemon;
  readonly #sessions = new Set<Session>();
  #server: Server | undefined;
  #isHanging = false;

  private constructor(options: SimulatorOptions) {
    this.socketPath = path.join(options.folder, "libvirt-sock-ro");
    this.procPath = path.join(options.folder, "proc");
    this.domains = new SimulatedDomains(this.procPath, options.timings);
    this.domains.eventSink = (event) => {
      for (const session of this.#sessions) session.event(event);
    };
    this.#daemon = {
      domains: this.domains,
      faults: this.faults,
      calls: this.calls,
      hostname: options.hostname ?? "simulated-host",
      authTypes: options.authTypes ?? [authTypes.none],
      keepalive: options.keepalive ?? { intervalMs: 5_000, count: 5 },
    };
  }

  /** Starts one and resolves when it listens. */
  static async start(options: SimulatorOptions): Promise<Simulator> {
    mkdirSync(options.folder, { recursive: true });
    const simulator = new Simulator(options);
    await simulator.listen();
    return simulator;
  }

  /** Begins to listen; the socket's file appears. */
  async listen(): Promise<void> {
    rmSync(this.socketPath, { force: true });
    const server = createServer((socket) => {
      const session = new Session(socket, this.#daemon);
      this.#sessions.add(session);
      socket.once("close", () => this.#sessions.delete(session));
      if (this.#isHanging) session.pause();
    });
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(this.socketPath, resolve);
    await promise;
  }

  /** Ends like a terminated daemon: connections are cut and the socket's file is gone. */
  async terminate(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const session of this.#sessions) session.close();
    this.#isHanging = false;
    this.calls.endedAll();
    if (server === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    await promise;
  }

  /** Ends like a killed daemon: the socket's file stays, and connecting to it is refused. */
  async kill(): Promise<void> {
    // Closing a server unlinks its path, so the file is out of the way meanwhile.
    const aside = `${this.socketPath}.aside`;
    renameSync(this.socketPath, aside);
    await this.terminate();
    renameSync(aside, this.socketPath);
  }

  /** Stops and listens again. */
  async restart(): Promise<void> {
    await this.terminate();
    await this.listen();
  }

  /** Like SIGSTOP: connections are accepted, nothing is read and nothing answered. */
  hang(): void {
    this.#isHanging = true;
    for (const session of this.#sessions) session.pause();
  }

  /** Like SIGCONT: what was received meanwhile is answered now. */
  resume(): void {
    this.#isHanging = false;
    for (const session of this.#sessions) session.resume();
  }

  /** Asks every client for a sign of life. */
  ping(): void {
    for (const session of this.#sessions) session.ping();
  }

  /** Writes raw bytes to every client. */
  raw(bytes: Buffer): void {
    for (const session of this.#sessions) session.raw(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.domains.close();
    await this.terminate();
    rmSync(this.procPath, { recursive: true, force: true });
  }
}
