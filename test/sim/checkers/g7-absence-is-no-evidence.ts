// G7: a look that was not complete calls nothing stopped, by name or by absence. G8: nor is a VM
// called stopped whose QEMU lived throughout. And no answer is older than its question.

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
      if (!saysStopped(report, vmUuid)) continue;
      if (!complete)
        fail("G7", `${host} calls ${vmUuid} stopped although its look was not complete`);
      if (world.host(host).hadQemuThroughout(vmUuid, look.startedAtMs, look.finishedAtMs)) {
        fail("G8", `${host} calls ${vmUuid} stopped although its QEMU lives`);
      }
    }
  },
};
