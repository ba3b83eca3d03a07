// Minutes of random trouble: domains start, end, pause and lose their QEMUs, libvirtd is restarted,
// killed and hung, and a management node asks all the time. What is true is read from the processes:
// no false stop (G8), and every real one is found (G10). The agent must not grow meanwhile.
//
// VMSYNCD_SOAK_MINUTES sets how long, VMSYNCD_SOAK_SEED what happens.

import { expect, test } from "vitest";
import { Random } from "../../test/sim/random.ts";
import { AgentProcess } from "../host/agent-process.ts";
import { Asker } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { domainSpecs } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { isStop, saidOf } from "../host/said.ts";
import { untilStopped } from "../host/stopped.ts";

const minutes = Number(process.env["VMSYNCD_SOAK_MINUTES"] ?? 2);
const seed = Number(process.env["VMSYNCD_SOAK_SEED"] ?? Date.now() % 1_000_000_000);
const minuteMs = 60_000;
/** The agent is measured so often around a moment, since its heap breathes. */
const measureMs = 10_000;
const hangMsMax = 3_000;
/** Within so many complete observations a stop has to be found. */
const completeLooksMax = 2;
const growthMax = 1.1;

/** Half of them persistent, the others transient. */
const persistent = domainSpecs("persistent", 4, 200);
const transient = domainSpecs("transient", 4, 300);
const domains = [...persistent, ...transient];

/** What is done to the host, one thing after another; each action ends when it has happened. */
class Trouble {
  readonly done = new Map<string, number>();
  /** Stops that libvirt knows of, and the complete observations that have not told them. */
  readonly untold = new Map<string, number>();
  readonly #host: PrivateHost;
  readonly #random: Random;
  readonly #paused = new Set<string>();
  readonly #live = new Set<DomainSpec>();

  constructor(host: PrivateHost, random: Random) {
    this.#host = host;
    this.#random = random;
  }

  async next(): Promise<void> {
    const vm = this.#random.pick(domains);
    const actions = this.#live.has(vm) ? this.#toLive(vm) : this.#toStopped(vm);
    const [name, act] = this.#random.pick(Object.entries({ ...actions, ...this.#toDaemon() }));
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
    await act();
  }

  #toStopped(vm: DomainSpec): Record<string, () => Promise<void>> {
    const start = async (): Promise<void> => {
      // From here on it may be alive.
      this.untold.delete(vm.uuid);
      if (persistent.includes(vm)) await this.#host.start(vm.name, { paused: true });
      else await this.#host.create(vm, { paused: true });
      this.#live.add(vm);
      this.#paused.add(vm.name);
    };
    // Starts are slow, and without them nothing else happens.
    return { start, startAgain: start, startInstead: start };
  }

  #toLive(vm: DomainSpec): Record<string, () => Promise<void>> {
    const end = async (act: () => Promise<void>): Promise<void> => {
      await act();
      await untilStopped(this.#host, vm);
      this.#live.delete(vm);
      this.untold.set(vm.uuid, 0);
    };
    return {
      destroy: () => end(() => this.#host.destroy(vm.name)),
      kill: () => end(() => this.#host.signalQemu(vm.uuid, "KILL")),
      killWhileDown: () =>
        end(async () => {
          await this.#host.killDaemon();
          await this.#host.signalQemu(vm.uuid, "KILL");
          await this.#host.startDaemon();
        }),
      pauseOrResume: () => this.#pauseOrResume(vm.name),
    };
  }

  #toDaemon(): Record<string, () => Promise<void>> {
    return {
      restart: () => this.#host.restartDaemon(),
      crash: async () => {
        await this.#host.killDaemon();
        await this.#host.startDaemon();
      },
      hang: async () => {
        await this.#host.stopDaemon();
        const { promise, resolve } = Promise.withResolvers<void>();
        setTimeout(resolve, this.#random.below(hangMsMax));
        await promise;
        this.#host.continueDaemon();
      },
    };
  }

  /** A running domain takes a core, so that it is paused again at once. */
  async #pauseOrResume(name: string): Promise<void> {
    await this.#host.resume(name);
    await this.#host.suspend(name);
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

type Measured = Pick<AgentProcess, "residentBytes" | "descriptors" | "timers">;

/** Each by itself. */
function medians(measured: readonly Measured[]): Measured {
  return {
    residentBytes: median(measured.map(({ residentBytes }) => residentBytes)),
    descriptors: median(measured.map(({ descriptors }) => descriptors)),
    timers: median(measured.map(({ timers }) => timers)),
  };
}

test(`${minutes} minutes of trouble: no false stop, and no real one untold`, {
  timeout: minutes * minuteMs + 180_000,
}, async () => {
  console.log(`VMSYNCD_SOAK_SEED=${seed}`);
  await using host = await PrivateHost.start();
  for (const domain of persistent) await host.define(domain);
  const { readOnlySocket: libvirtSocket, procPath } = host;
  await using agent = await AgentProcess.start({ libvirtSocket, procPath });
  const expected = domains.map(({ uuid }) => uuid);
  const asker = new Asker(agent.client, { expect: expected, witness: host });
  const trouble = new Trouble(host, new Random(seed));
  const late: string[] = [];
  let told = 0;
  asker.heed = ({ report }) => {
    if (!report.observation.complete) return;
    for (const [uuid, looks] of asked) {
      if (!trouble.untold.has(uuid)) continue;
      if (isStop(saidOf(report, uuid))) {
        trouble.untold.delete(uuid);
        told += 1;
        continue;
      }
      trouble.untold.set(uuid, looks + 1);
      if (looks + 1 === completeLooksMax) late.push(`${uuid}: ${saidOf(report, uuid)}`);
    }
  };
  /** The stops that were a fact before the question. */
  let asked = new Map<string, number>();

  const startedAt = performance.now();
  const endAt = startedAt + minutes * minuteMs;
  const measures: ({ readonly atMs: number } & Measured)[] = [];
  const troubled = (async () => {
    while (performance.now() < endAt) await trouble.next();
  })();
  const over = new AbortController();
  const ended = troubled.finally(() => over.abort());
  ended.catch(() => {});
  for (let isLast = false; !isLast; ) {
    asked = new Map(trouble.untold);
    isLast = over.signal.aborted && asked.size === 0;
    await asker.ask();
    const { residentBytes, descriptors, timers } = agent;
    measures.push({ atMs: performance.now() - startedAt, residentBytes, descriptors, timers });
  }
  await ended;

  const around = (atMs: number) => measures.filter((one) => Math.abs(one.atMs - atMs) < measureMs);
  const early = medians(around(minuteMs));
  const last = medians(around(measures.at(-1)?.atMs ?? 0));
  console.log(
    `seed ${seed}, ${minutes} minutes: ${asker.summary()}; ${told} stops told; ` +
      `${[...trouble.done].map(([name, times]) => `${name} ${times}`).join(", ")}; ` +
      `RSS ${(early.residentBytes / 2 ** 20).toFixed(0)} then ${(last.residentBytes / 2 ** 20).toFixed(0)} MiB, ` +
      `descriptors ${early.descriptors} then ${last.descriptors}, timers ${early.timers} then ${last.timers}`,
  );
  expect(asker.lies).toEqual([]);
  expect(late).toEqual([]);
  expect(told).toBeGreaterThan(0);
  expect(last.residentBytes).toBeLessThan(early.residentBytes * growthMax);
  expect(last.descriptors).toBeLessThan(early.descriptors * growthMax);
  expect(early.timers).toBeGreaterThan(0);
  expect(last.timers).toBeLessThanOrEqual(Math.ceil(early.timers * growthMax));
});
