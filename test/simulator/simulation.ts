import { LibvirtClient, type LibvirtClientOptions } from "../../src/libvirt/client.ts";
import { Simulator, type SimulatorOptions } from "../../src/simulator/simulator.ts";
import { SocketFolder } from "../libvirt/socket-folder.ts";

/** A simulated libvirtd in a folder of its own and clients of it, all gone when it is disposed of. */
export class Simulation implements AsyncDisposable {
  readonly simulator: Simulator;
  readonly #folder: SocketFolder;
  readonly #clients: LibvirtClient[] = [];

  private constructor(simulator: Simulator, folder: SocketFolder) {
    this.simulator = simulator;
    this.#folder = folder;
  }

  static async start(options: Partial<SimulatorOptions> = {}): Promise<Simulation> {
    const folder = new SocketFolder();
    return new Simulation(await Simulator.start({ folder: folder.path, ...options }), folder);
  }

  async connect(options: Partial<LibvirtClientOptions> = {}): Promise<LibvirtClient> {
    const keepalive = { intervalMs: 60_000, count: 3 };
    const all = { stepLimitMs: 5_000, keepalive, ...options };
    const client = await LibvirtClient.connect(this.simulator.socketPath, all);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.simulator[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
