// A private host and the agent on it, which are made and ended together.

import { AgentOnHost } from "./agent-on-host.ts";
import { Asker, type AskerOptions } from "./asker.ts";
import { PrivateHost } from "./private-host.ts";

export class HostWithAgent implements AsyncDisposable {
  readonly host: PrivateHost;
  readonly agent: AgentOnHost;

  private constructor(host: PrivateHost, agent: AgentOnHost) {
    this.host = host;
    this.agent = agent;
  }

  static async start(): Promise<HostWithAgent> {
    const host = await PrivateHost.start();
    try {
      const { readOnlySocket: libvirtSocket, procPath } = host;
      return new HostWithAgent(host, await AgentOnHost.start({ libvirtSocket, procPath }));
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A management node that asks this agent; by default the host bears witness. */
  asker(options: AskerOptions = {}): Asker {
    return new Asker(this.agent.client, { witness: this.host, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}
