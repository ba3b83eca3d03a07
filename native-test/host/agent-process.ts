// The agent as a process of its own, for what can only be measured on one: its memory, its
// descriptors and its timers.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VmsyncdClient } from "../../src/client/client.ts";
import { AgentUnreachableError } from "../../src/client/errors.ts";
import { Program } from "../../test/daemon/program.ts";
import { type HostUnderAgent, writeAgentConfig } from "./agent-on-host.ts";
import { waitUntil } from "./wait-until.ts";

const startMs = 30_000;

export class AgentProcess implements AsyncDisposable {
  readonly client: VmsyncdClient;
  readonly #folder: string;
  readonly #program: Program;

  private constructor(folder: string, program: Program) {
    this.#folder = folder;
    this.#program = program;
    this.client = new VmsyncdClient({ socketPath: path.join(folder, "vmsyncd.sock") });
  }

  /** Starts the agent and ends the amnesia of its new store; resolves when it answers. */
  static async start(host: HostUnderAgent): Promise<AgentProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-native-"));
    const file = writeAgentConfig(folder, host);
    const args = ["--config", file, "--log-level", "error"];
    const environment = {
      NODE_OPTIONS: `--import=${new URL("timers-told.mjs", import.meta.url).href}`,
      TIMERS_FILE: path.join(folder, "timers"),
    };
    const program = Program.node("bin/vmsyncd.mjs", args, { environment });
    const agent = new AgentProcess(folder, program);
    await waitUntil(
      "the agent to answer",
      startMs,
      () => agent.#answers(),
      () => agent.#program.error,
    );
    return agent;
  }

  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.#pid}/fd`).length;
  }

  /** Timers that were pending within the last half second. */
  get timers(): number {
    return Number(readFileSync(path.join(this.#folder, "timers"), "utf8"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
    await this.#program[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #pid(): number {
    const { pid } = this.#program.child;
    if (pid === undefined) throw new Error("cannot name the agent's pid: it did not start");
    return pid;
  }

  async #answers(): Promise<true | undefined> {
    try {
      await this.client.endAmnesia("operator");
      return true;
    } catch (error) {
      if (error instanceof AgentUnreachableError) return undefined;
      throw error;
    }
  }
}
