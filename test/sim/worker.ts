// Runs histories on a thread of its own, with at most one planted bug. Nothing of the code under test
// is imported before the bug is planted.

import { parentPort, workerData } from "node:worker_threads";
import { demandPlanted, plant } from "./bug-hook.ts";
import { plantedBug } from "./bugs.ts";
import type { Job, JobResult, WorkerSettings } from "./pool.ts";

const { bug } = workerData as WorkerSettings;
if (bug !== undefined) plant(plantedBug(bug));

const { runHistory } = await import("./history.ts");
const { randomPlan } = await import("./random-plan.ts");
const { planText } = await import("./plan.ts");
const { shrink } = await import("./shrink.ts");
const { readable } = await import("./timeline.ts");
demandPlanted();

async function carryOut(job: Job): Promise<JobResult> {
  switch (job.kind) {
    case "run": {
      for (let seed = job.fromSeed; seed < job.fromSeed + job.count; seed += 1) {
        const { violations } = await runHistory(randomPlan(seed));
        if (violations.length > 0) return { ...job, failure: { seed, violations } };
      }
      return { ...job, failure: undefined };
    }
    case "replay": {
      const plan = randomPlan(job.seed);
      const { violations, hash, timeline } = await runHistory(plan);
      return { ...job, plan: planText(plan), violations, hash, timeline: readable(timeline) };
    }
    case "shrink": {
      const plan = await shrink(randomPlan(job.seed), job.guarantee);
      const { violations, hash, timeline } = await runHistory(plan);
      return { ...job, plan: planText(plan), violations, hash, timeline: readable(timeline) };
    }
    default:
      throw new Error(`unreachable: ${JSON.stringify(job satisfies never)}`);
  }
}

parentPort?.on("message", (job: Job) => {
  carryOut(job).then(
    (result) => parentPort?.postMessage(result),
    (error: unknown) => {
      parentPort?.postMessage({ ...job, error: (error as Error).stack ?? String(error) });
    },
  );
});
