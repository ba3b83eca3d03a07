// G9: while claims may be unknown nothing is called stopped, and the report says why.

import type { Checker } from "./checker.ts";
import { saysStopped } from "./words-of-report.ts";

export const amnesiaIsDeclared: Checker = {
  guarantee: "G9",
  report({ report, host, look, sentAtMs }, { amnesia }, { vms }, fail) {
    if (amnesia.isCertainIn(sentAtMs) && report.amnesia === undefined) {
      fail("G9", `${host} does not declare its amnesia`);
    }
    if (!amnesia.isCertainIn(look.startedAtMs)) return;
    if (report.absentMeans === "stopped") {
      fail("G9", `${host} lets absence mean stopped in spite of amnesia`);
    }
    for (const vmUuid of vms) {
      if (saysStopped(report, vmUuid))
        fail("G9", `${host} calls ${vmUuid} stopped in spite of amnesia`);
    }
  },
};
