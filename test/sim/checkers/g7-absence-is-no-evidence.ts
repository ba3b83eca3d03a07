// G7: a look that was not complete calls nothing stopped, by name or by absence. And no answer is
// older than its question.

import type { Checker } from "./checker.ts";
import { saysStopped } from "./words-of-report.ts";

export const absenceIsNoEvidence: Checker = {
  guarantee: "G7",
  report({ report, host, look, questionAtMs }, _reference, world, fail) {
    const { complete } = report.observation;
    if (!complete && report.absentMeans === "stopped") {
      fail("G7", `${host} lets absence mean stopped although its look was not complete`);
    }
    if (look.startedAtMs < questionAtMs) {
      const aheadMs = Math.round(questionAtMs - look.startedAtMs);
      fail("G7", `${host} answers with a look that began ${aheadMs} ms before the question`);
    }
    for (const vmUuid of world.vms) {
      if (complete || !saysStopped(report, vmUuid)) continue;
      fail("G7", `${host} calls ${vmUuid} stopped although its look was not complete`);
    }
  },
};
