// A simulated host with a daemon on it, in this process: what the client and the command line are
// tested against.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { type Daemon, startDaemon } from "../../src/main.ts";
import { Simulator, type SimulatorOptions } from "../../src/simulator/simulator.ts";

/** A folder of one test; gone with it. Others may look into it, as into /run. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(path.join(tmpdir(), "vmsyncd-test-"));

  constructor() {
    chmodSync(this.path, 0o755);
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.file(name), text);
    return this.file(name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Domains start at once; the process table is there before libvirt says "running". */
const timings = { execMs: 0, startMs: 1 };

/** For tests of what is no matter of time, on a machine that may be busy. */
export const patientLooks = "--observation-limit-ms=10000";

export class SimulatedHost implements AsyncDisposable {
  readonly folder: Folder;
  readonly simulator: Simulator;
  #daemon: Daemon | undefined;

  private constructor(folder: Folder, simulator: Simulator) {
    this.folder = folder;
    this.simulator = simulator;
  }

  static async start(options: Partial<SimulatorOptions> = {}): Promise<SimulatedHost> {
    const folder = new Folder();
    const simulator = await Simulator.start({ folder: folder.path, timings, ...options });
    return new SimulatedHost(folder, simulator);
  }

  /** One with a daemon that is there already. */
  static async withDaemon(): Promise<SimulatedHost> {
    const host = await SimulatedHost.start();
    await host.startDaemon(patientLooks);
    return host;
  }

  get socketPath(): string {
    return this.folder.file("vmsyncd.sock");
  }

  /** The arguments of a daemon on this host. */
  flags(): string[] {
    const config = this.folder.write(
      "config.yaml",
      [
        "hostId: host-7",
        "managementNodes: [mn-1, mn-2]",
        `http: { socket: "${this.socketPath}" }`,
        `store: { folder: "${this.folder.file("store")}" }`,
        "",
      ].join("\n"),
    );
    const { socketPath, procPath } = this.simulator;
    return [
      "--config",
      config,
      "--libvirt-socket",
      socketPath,
      "--observation-proc-path",
      procPath,
    ];
  }

  /**
   * Starts the daemon in this process; gives its TCP address.
   *
   * @param flags further ones
   */
  async startDaemon(...flags: readonly string[]): Promise<string> {
    const argv = [...this.flags(), "--http-listen=127.0.0.1:0", ...flags];
    const log = { info: () => {}, warn: () => {} };
    this.#daemon = await startDaemon(loadConfig({ argv, environment: {} }), log);
    return `http://${this.#daemon.addresses[1]}`;
  }

  /** Stops the daemon, if it runs. */
  async stopDaemon(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    await daemon?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopDaemon();
    await this.simulator[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}
