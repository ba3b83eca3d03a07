// G1: no report calls a VM stopped if a claim on it certainly lived at any instant between the start
// of its observation and its sending. And each VM is in exactly one place of the report.

import type { Checker } from "./checker.ts";
import { saysStopped } from "./words-of-report.ts";

export const neverFalselyStopped: Checker = {
  guarantee: "G1",
  report({ report, host, look, sentAtMs }, { claims }, { vms }, fail) {
    for (const vmUuid of vms) {
      const places = [
        report.states[vmUuid] !== undefined,
        report.skipped.some((vm) => vm.vmUuid === vmUuid),
        report.withheld.some((vm) => vm.vmUuid === vmUuid),
      ].filter(Boolean).length;
      if (places > 1) fail("G1", `${host} names ${vmUuid} in ${places} places`);
      if (!saysStopped(report, vmUuid)) continue;
      for (const life of claims.livesOn(vmUuid)) {
        const isOver = claims.certainUntil(life) <= look.startedAtMs;
        if (isOver || life.fromMs >= sentAtMs || life.mustUntilMs <= life.fromMs) continue;
        fail(
          "G1",
          `${host} calls ${vmUuid} stopped although ${life.owner}/${life.operationId} lived from ${Math.round(life.fromMs)} ms`,
        );
      }
    }
  },
};
