// A world without chance to speak of, in which a test says what happens when.

import type { ManagementNode } from "../../src/http/schema/common.ts";
import type { Report } from "../../src/http/schema/report.ts";
import type { Plan, WorldSettings } from "./plan.ts";
import type { Weather } from "./world/network.ts";
import { World } from "./world/world.ts";

const fair: Weather = {
  delayMs: 0.5,
  dropShare: 0,
  repeatShare: 0,
  straggleShare: 0,
  straggleMs: 1,
};

const calm: WorldSettings = {
  endMs: 0,
  vms: 1,
  managementNodes: 0,
  speakers: 0,
  syncIntervalMs: 3_000,
  leaseSeconds: 10,
  agent: {
    leaseSeconds: 10,
    leaseSecondsMax: 10,
    orphanTtlSeconds: 20,
    claimAgeWarningSeconds: 60,
    managementNodes: [],
  },
  weather: fair,
  storm: fair,
  startDelayMs: 0,
};

export interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** When the amnesia of a first start is over, and the story may begin. */
export const settledMs = 25_000;

export class Scene {
  readonly world: World;

  constructor(settings: Partial<WorldSettings> = {}, seed = 1) {
    const plan: Plan = { seed, settings: { ...calm, ...settings }, actions: [] };
    this.world = new World(plan);
    const { scheduler } = this.world;
    for (const agent of this.world.agents) scheduler.at(0, () => void agent.start());
  }

  get vm(): string {
    return this.world.vms[0] ?? "";
  }

  /** Does something at a moment of the world. */
  at(atMs: number, act: () => void): this {
    this.world.scheduler.at(atMs, act);
    return this;
  }

  async until(atMs: number): Promise<void> {
    await this.world.scheduler.runUntil(atMs);
  }

  /** Sends a request and runs the world until its answer is there. */
  async ask(
    host: "hostA" | "hostB",
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: object,
  ): Promise<Answer> {
    const { scheduler, network } = this.world;
    const owner = { pausedUntilMs: 0 };
    const answers: Answer[] = [];
    network
      .exchange("test", owner, host)(method, path, body)
      .then(
        (answer) => answers.push(answer),
        () => answers.push({ status: 0, value: undefined }),
      );
    for (;;) {
      const [answer] = answers;
      if (answer !== undefined) return answer;
      await scheduler.runUntil(scheduler.nowMs + 1);
    }
  }

  claim(from: ManagementNode, operation: string, more: object = {}): Promise<Answer> {
    const body = { managementNode: from, reason: "start", ...more };
    return this.ask("hostA", "PUT", `/v1/claims/${this.vm}/${operation}`, body);
  }

  async report(host: "hostA" | "hostB" = "hostA"): Promise<Report> {
    const { value } = await this.ask(host, "GET", "/v1/report");
    return value as Report;
  }

  /** Every promise that was broken so far, in words. */
  broken(): string[] {
    this.world.endChecks();
    return this.world.violations.map(({ guarantee, detail }) => `${guarantee}: ${detail}`);
  }
}

/** A management node that speaks for the first time. */
export function node(id: string, sequence: number, epoch = 1): ManagementNode {
  return { id, epoch, instance: `${id}-${epoch}`, sequence };
}
