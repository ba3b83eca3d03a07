// One history: a plan, run to its end and checked.

import { Fate } from "./fate.ts";
import type { Plan } from "./plan.ts";
import type { TimelineEntry } from "./timeline.ts";
import { type Violation, World } from "./world/world.ts";

export interface HistoryResult {
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly timeline: readonly TimelineEntry[];
}

/** Time in which what is under way at the end comes to its end. */
const quietMs = 10_000;

export async function runHistory(plan: Plan): Promise<HistoryResult> {
  const world = new World(plan);
  const { scheduler, agents } = world;
  new Fate(world).schedule();
  for (const agent of agents) scheduler.at(0, () => void agent.start());
  for (const manager of world.managers) scheduler.at(1, () => manager.start());
  world.beginReading();
  const { endMs } = plan.settings;
  await scheduler.runUntil(endMs);
  // Who stands still at the end goes on first, and meets what waited for that: it may stand still again.
  let lastMs = endMs;
  for (;;) {
    const goingMs = Math.max(...agents.map(({ pausedUntilMs }) => pausedUntilMs));
    if (goingMs <= lastMs) break;
    lastMs = goingMs;
    await scheduler.runUntil(lastMs);
  }
  world.calm();
  await scheduler.runUntil(lastMs + quietMs);
  world.endChecks();
  return {
    violations: world.violations,
    hash: world.timeline.hash,
    timeline: world.timeline.entries,
  };
}
