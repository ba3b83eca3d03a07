// G10: a VM that is gone, with no claim on it, no amnesia and nothing in the way of the look, is
// called stopped by the first report whose whole window is so. Silence is no safety.

import type { HostReference } from "../reference/host-reference.ts";
import type { Checker } from "./checker.ts";
import { saysStopped } from "./words-of-report.ts";

/** An end may be acted upon so much later. */
const promptMs = 1000;
/** libvirt needs a moment to notice an end; a look that began after it must be right. */
const settledMs = 300;

export const stopsAreFound: Checker = {
  guarantee: "G10",
  report({ report, host, look, sentAtMs, stoodStillUntilMs }, reference, world, fail) {
    if (look.isHealthy && !report.observation.complete) {
      const problems = JSON.stringify(report.observation.problems);
      fail("G10", `${host} calls its look incomplete although nothing was in its way: ${problems}`);
    }
    if (!look.isHealthy || reference.amnesia.isPossibleIn(look.startedAtMs - promptMs)) return;
    if (report.amnesia !== undefined) {
      fail("G10", `${host} declares amnesia long after its end`);
    }
    // Who stood still notices a moment later what has ended meanwhile.
    if (look.startedAtMs - stoodStillUntilMs < promptMs) return;
    for (const vmUuid of world.vms) {
      const fromMs = look.startedAtMs - settledMs;
      if (!world.host(host).lackedThroughout(vmUuid, fromMs, sentAtMs)) continue;
      if (world.host(host).movedAway(vmUuid)) continue;
      if (isPerhapsClaimed(reference, vmUuid, look.startedAtMs, sentAtMs)) continue;
      if (saysStopped(report, vmUuid)) continue;
      fail(
        "G10",
        `${host} does not call ${vmUuid} stopped although it is, and nothing is in the way`,
      );
    }
  },
};

function isPerhapsClaimed(
  { claims }: HostReference,
  vmUuid: string,
  fromMs: number,
  toMs: number,
): boolean {
  return claims.livesOn(vmUuid).some((life) => {
    return life.fromMs <= toMs && claims.possibleUntil(life) + promptMs >= fromMs;
  });
}
