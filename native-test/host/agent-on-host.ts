// The agent in this process, on a host of its own: what it answers comes over its real socket.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VmsyncdClient } from "../../src/client/client.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Daemon, startDaemon } from "../../src/main.ts";

export interface HostUnderAgent {
  readonly procPath: string;
  /** Socket of libvirt, or of a proxy before it. */
  readonly libvirtSocket: string;
}

export interface AgentOptions {
  /** Limit on one observation; the default of the agent if absent. */
  readonly observationLimitMs?: number;
}

const quiet = { info: () => {}, warn: () => {} };

export class AgentOnHost implements AsyncDisposable {
  readonly socketPath: string;
  readonly client: VmsyncdClient;
  readonly #folder: string;
  readonly #daemon: Daemon;

  private constructor(folder: string, daemon: Daemon) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.socketPath = path.join(folder, "vmsyncd.sock");
    this.client = new VmsyncdClient({ socketPath: this.socketPath });
  }

  /**
   * Starts the agent; it answers from here on, whether libvirt does or not. Nothing else ever
   * claimed here, so that the amnesia of a new store is ended.
   */
  static async start(host: HostUnderAgent, options: AgentOptions = {}): Promise<AgentOnHost> {
    const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-native-"));
    const file = writeAgentConfig(folder, host, options);
    const config = loadConfig({ argv: ["--config", file], environment: {} });
    const agent = new AgentOnHost(folder, await startDaemon(config, quiet));
    await agent.client.endAmnesia("operator");
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.#daemon[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Writes the configuration of an agent that keeps everything in `folder`; returns its file. */
export function writeAgentConfig(
  folder: string,
  host: HostUnderAgent,
  { observationLimitMs }: AgentOptions = {},
): string {
  const file = path.join(folder, "config.yaml");
  const observation = { procPath: host.procPath, limitMs: observationLimitMs };
  writeFileSync(
    file,
    JSON.stringify({
      hostId: "native-test",
      libvirt: { socket: host.libvirtSocket },
      observation,
      http: { socket: path.join(folder, "vmsyncd.sock") },
      store: { folder: path.join(folder, "store") },
    }),
  );
  return file;
}
