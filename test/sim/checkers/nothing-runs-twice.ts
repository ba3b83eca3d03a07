// End to end: no VM ever runs twice because of a report of a host that carries its claim.

import type { HostReference } from "../reference/host-reference.ts";
import type { Checker } from "./checker.ts";

/** A stop that a management node read in a report. */
export interface StopJudgement {
  readonly id: string;
  readonly vm: string;
  readonly host: string;
  readonly judgedAtMs: number;
  readonly look: { readonly startedAtMs: number; readonly sentAtMs: number };
}

/** A VM that began to run while it ran elsewhere, and the judgement that its start goes back to. */
export interface DoubleRun {
  readonly vm: string;
  readonly atMs: number;
  readonly judgement: StopJudgement | undefined;
}

export const nothingRunsTwice: Checker = {
  guarantee: "end to end",
  ended(reference: HostReference, world, fail) {
    for (const { vm, atMs, judgement } of world.doubleRuns) {
      if (judgement === undefined || judgement.host !== reference.host) continue;
      const { look, judgedAtMs } = judgement;
      const { claims } = reference;
      const claim = claims.livesOn(vm).find((life) => {
        if (life.mustUntilMs <= life.fromMs) return false;
        // Claims whose mark stood in the database hold until the judgement, others until the sending.
        const isMarked = world.isMarkedBefore(life.operationId, judgedAtMs);
        const untilMs = isMarked ? judgedAtMs : look.sentAtMs;
        return life.fromMs < untilMs && claims.certainUntil(life) > look.startedAtMs;
      });
      if (claim === undefined) continue;
      fail(
        "end to end",
        `${vm} runs twice at ${Math.round(atMs)} ms because of a report of ${reference.host}, which carried ${claim.owner}/${claim.operationId}`,
      );
    }
  },
};
