// The shortest history that still breaks the same promise: actions are left out, many at once, then
// fewer, as long as it does.

import { runHistory } from "./history.ts";
import type { Action, Plan } from "./plan.ts";

/** Histories that shrinking may take. */
const attemptsMax = 400;
/** Halvings, and rounds of one at a time. */
const roundsMax = 30;

/** @param guarantee the promise that has to stay broken */
export async function shrink(plan: Plan, guarantee: string): Promise<Plan> {
  let best = plan;
  let left = attemptsMax;
  const tryWithout = async (from: number, size: number): Promise<boolean> => {
    left -= 1;
    const actions: Action[] = best.actions.toSpliced(from, size);
    const { violations } = await runHistory({ ...best, actions });
    const isStillBroken = violations.some((one) => one.guarantee === guarantee);
    if (isStillBroken) best = { ...best, actions };
    return isStillBroken;
  };
  let size = Math.ceil(plan.actions.length / 2);
  for (let round = 0; round < roundsMax && size >= 1; round += 1) {
    const before = best.actions.length;
    let from = 0;
    while (from < best.actions.length) {
      if (left === 0) return best;
      if (!(await tryWithout(from, size))) from += size;
    }
    if (size === 1 && best.actions.length === before) break;
    size = Math.max(1, Math.floor(size / 2));
  }
  return best;
}
