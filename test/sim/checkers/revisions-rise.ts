// Revisions compare as (agent epoch, revision) within one store, so neither is ever given out again
// and neither falls: what the marks in the management nodes' database rest on (G1, end to end).

import type { Checker } from "./checker.ts";

interface Place {
  readonly epoch: number;
  readonly revision: number;
  readonly run: number;
}

/** @returns a checker that watches one world */
export function revisionsRise(): Checker {
  const runs = new Map<string, number>();
  const last = new Map<string, Place>();
  const answered: NonNullable<Checker["answered"]> = ({ answer }, { host }, _world, fail) => {
    if (answer?.status !== 200) return;
    const { agent, skipRevision } = answer.body as {
      agent?: { storeId: string; epoch: number };
      skipRevision?: number;
    };
    if (agent === undefined) return;
    const key = `${host} ${agent.storeId}`;
    const run = runs.get(host) ?? 0;
    const before = last.get(key);
    if (before !== undefined && before.run < run && agent.epoch <= before.epoch) {
      fail("revisions", `${host} uses agent epoch ${agent.epoch} again after a restart`);
    }
    const revision = skipRevision ?? before?.revision ?? 0;
    last.set(key, { epoch: agent.epoch, revision, run });
  };
  return {
    guarantee: "revisions",
    answered,
    started(_start, { host }) {
      runs.set(host, (runs.get(host) ?? 0) + 1);
    },
  };
}
