// Claims as fast as they are answered, from a thread of its own, so that whoever measures beside it
// does not measure it.

import { randomUUID } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { Pool } from "undici";

export interface LoadOptions {
  readonly socketPath: string;
  /** Claims on their way at any time. */
  readonly concurrency: number;
  readonly durationMs: number;
}

export interface LoadResult {
  readonly claims: number;
  readonly seconds: number;
}

/** A management node may have 20,000. */
const claimsPerNode = 15_000;

async function load({ socketPath, concurrency, durationMs }: LoadOptions): Promise<LoadResult> {
  const pool = new Pool("http://vmsyncd", { socketPath, connections: concurrency });
  const run = randomUUID();
  let sent = 0;
  let claims = 0;
  const startedAtMs = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - startedAtMs < durationMs) {
      sent += 1;
      const id = `load-${run}-${Math.floor(sent / claimsPerNode)}`;
      const managementNode = { id, epoch: 1, instance: run, sequence: sent };
      const { statusCode, body } = await pool.request({
        method: "PUT",
        path: `/v1/claims/${randomUUID()}/start-${sent}`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ managementNode, reason: "start" }),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`cannot claim: ${text}`);
      claims += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  await pool.close();
  return { claims, seconds: (performance.now() - startedAtMs) / 1000 };
}

parentPort?.postMessage(await load(workerData as LoadOptions));
