// The agent as a process that is started in one of several ways, and killed.

import { setTimeout as pause } from "node:timers/promises";
import { VmsyncdClient } from "../../src/client/client.ts";
import { AgentUnreachableError } from "../../src/client/errors.ts";
import { Program } from "../../test/daemon/program.ts";
import type { SimulatedHost } from "../../test/daemon/simulated-host.ts";
import { asItIs, type Way } from "./ways-to-start.ts";

/** A start on a machine that does much else. */
const startLimitMs = 30_000;
const pollMs = 5;

export interface StartOptions {
  readonly way?: Way;
  /** More arguments of the agent. */
  readonly flags?: readonly string[];
  /** Where these make it listen, if not at the host's. */
  readonly socketPath?: string;
}

export class AgentProcess implements AsyncDisposable {
  readonly program: Program;
  readonly client: VmsyncdClient;

  constructor(host: SimulatedHost, options: StartOptions = {}) {
    const { way = asItIs, flags = [], socketPath = host.socketPath } = options;
    const level = ["--log-level", "warn"];
    const command = ["bin/vmsyncd.mjs", ...host.flags(), ...level, ...flags];
    const [program = "", ...args] = [...way.before, process.execPath, ...command];
    this.program = new Program(program, args, { environment: way.environment });
    this.client = new VmsyncdClient({ socketPath });
  }

  /** Started, and serving. */
  static async serving(host: SimulatedHost, options: StartOptions = {}): Promise<AgentProcess> {
    const agent = new AgentProcess(host, options);
    await agent.answer((client) => client.status());
    return agent;
  }

  get pid(): number {
    const { pid } = this.program.child;
    if (pid === undefined) throw new Error("the agent did not start");
    return pid;
  }

  /** Asks until there is an answer. */
  async answer<T>(ask: (client: VmsyncdClient) => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + startLimitMs;
    for (;;) {
      try {
        return await ask(this.client);
      } catch (error) {
        if (!(error instanceof AgentUnreachableError)) throw error;
        const { exitCode, signalCode } = this.program.child;
        const hasEnded = exitCode !== null || signalCode !== null;
        if (hasEnded || performance.now() > deadlineMs) {
          const why = `${this.program.out}${this.program.error}`;
          throw new Error(`the agent does not serve: ${why}`, { cause: error });
        }
      }
      await pause(pollMs);
    }
  }

  /** Ends it at once, wherever it is; resolves when it is gone. */
  async kill(): Promise<void> {
    this.program.child.kill("SIGKILL");
    await this.program.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.client[Symbol.asyncDispose]();
  }
}
