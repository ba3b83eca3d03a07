// Claims over HTTP on the unix socket: how many, how many share a flush, and what becomes of others
// meanwhile.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { SimulatedHost } from "../test/daemon/simulated-host.ts";
import { AgentProcess } from "../test-long/host/agent-process.ts";
import { asItIs, type Way } from "../test-long/host/ways-to-start.ts";
import { countedFlushes, slowFlushes } from "../test-long/trace/traced.ts";
import { type Figure, median } from "./figures.ts";
import type { LoadOptions, LoadResult } from "./load-worker.ts";

const durationMs = 3_000;
const warmUpMs = 1_000;
const flushMs = 5;

async function load(options: LoadOptions): Promise<LoadResult> {
  const worker = new Worker(new URL("./load-worker.ts", import.meta.url), { workerData: options });
  const [result] = (await once(worker, "message")) as [LoadResult];
  await worker.terminate();
  return result;
}

/** Runs something against an agent of its own, with a store of its own. */
async function withAgent<T>(
  way: (host: SimulatedHost) => Way,
  run: (agent: AgentProcess, host: SimulatedHost) => Promise<T>,
): Promise<T> {
  await using host = await SimulatedHost.start();
  await using agent = await AgentProcess.serving(host, { way: way(host) });
  return await run(agent, host);
}

/** Claims per second at some concurrency, of a warm agent on the plain disk. */
export async function claimsPerSecond(concurrency: number): Promise<Figure[]> {
  return await withAgent(
    () => asItIs,
    async (_, { socketPath }) => {
      await load({ socketPath, concurrency, durationMs: warmUpMs });
      const { claims, seconds } = await load({ socketPath, concurrency, durationMs });
      const name = `claims per second, ${concurrency} at a time`;
      return [{ name, value: claims / seconds, unit: "1/s" }];
    },
  );
}

/** Claims that share a flush of the plain disk. */
export async function claimsPerFlush(concurrency: number): Promise<Figure[]> {
  return await withAgent(
    ({ folder }) => countedFlushes(folder.file("flushes")),
    async (_, host) => {
      const { socketPath } = host;
      await load({ socketPath, concurrency, durationMs: warmUpMs });
      const before = flushesOf(host);
      const { claims } = await load({ socketPath, concurrency, durationMs });
      const value = claims / (flushesOf(host) - before);
      return [{ name: `claims per flush, ${concurrency} at a time`, value, unit: "" }];
    },
  );
}

/** The same where each flush takes 5 ms more, and what other requests take meanwhile. */
export async function onSlowDisk(concurrency: number): Promise<Figure[]> {
  return await withAgent(
    ({ folder }) => slowFlushes(folder.file("flushes"), flushMs),
    async ({ client }, host) => {
      const { socketPath } = host;
      await load({ socketPath, concurrency, durationMs: warmUpMs });
      const before = flushesOf(host);
      const loading = load({ socketPath, concurrency, durationMs });
      const questions: Record<string, () => Promise<unknown>> = {
        "GET /v1/claims?vmUuid=": () => client.claims({ vmUuid: randomUUID() }),
        "GET /v1/status": () => client.status(),
      };
      const times = await timesOf(questions, loading);
      const { claims, seconds } = await loading;
      const where = `${concurrency} at a time, ${flushMs} ms flush`;
      const perFlush = claims / (flushesOf(host) - before);
      return [
        { name: `claims per second, ${where}`, value: claims / seconds, unit: "1/s" },
        { name: `claims per flush, ${where}`, value: perFlush, unit: "", atLeast: 30 },
        ...Object.entries(times).map(([name, values]) => {
          return { name: `${name} meanwhile, median`, value: median(values), unit: "ms", below: 5 };
        }),
      ];
    },
  );
}

/** Times of questions that are asked in turn until something has ended, milliseconds. */
async function timesOf(
  questions: Readonly<Record<string, () => Promise<unknown>>>,
  until: Promise<unknown>,
): Promise<Record<string, number[]>> {
  const times = Object.fromEntries(Object.keys(questions).map((name) => [name, [] as number[]]));
  const over = new AbortController();
  void until.finally(() => over.abort());
  while (!over.signal.aborted) {
    for (const [name, ask] of Object.entries(questions)) {
      const askedAtMs = performance.now();
      await ask();
      times[name]?.push(performance.now() - askedAtMs);
    }
  }
  return times;
}

const longFlushMs = 1_000;
const slowClaimMsMin = 900;
const flushesSlow = 4;

/** Syncs without a list, while the disk is in a flush of a second. */
export async function syncDuringFlush(): Promise<Figure[]> {
  return await withAgent(
    ({ folder }) => slowFlushes(folder.file("flushes"), longFlushMs),
    async ({ client }) => {
      let sequence = 0;
      const node = () => ({ id: "mn-1", epoch: 1, instance: "i", sequence: (sequence += 1) });
      const claim = async (): Promise<number> => {
        const askedAtMs = performance.now();
        const body = { managementNode: node(), reason: "start" };
        await client.claim(randomUUID(), `start-${sequence}`, body);
        return performance.now() - askedAtMs;
      };
      const sync = () => client.sync({ managementNode: node() });
      await sync();
      const times: number[] = [];
      for (let flush = 0; flush < flushesSlow; flush += 1) {
        const claiming = claim();
        const { sync: ofFlush = [] } = await timesOf({ sync }, claiming);
        if ((await claiming) < slowClaimMsMin) throw new Error("the flush was not slow");
        times.push(...ofFlush);
      }
      const name = "POST /v1/sync without a list, during flushes of 1 s";
      return [
        {
          name: `${name}, slowest of ${times.length}`,
          value: Math.max(...times),
          unit: "ms",
          below: 100,
        },
        { name: `${name}, median`, value: median(times), unit: "ms" },
      ];
    },
  );
}

/** Flushes so far, by the trace. */
function flushesOf({ folder }: SimulatedHost): number {
  const lines = readFileSync(folder.file("flushes"), "latin1").split("\n");
  return lines.filter((line) => /f(data)?sync(\(.*\)| resumed>\)) += 0/.test(line)).length;
}
