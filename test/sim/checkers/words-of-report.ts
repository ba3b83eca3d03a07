// How a management node reads a report.

import type { Report } from "../../../src/http/schema/report.ts";

const stopStates = ["Stopped", "Crashed"];

/** Whether a report calls a VM stopped, by name or by its absence. */
export function saysStopped(report: Report, vmUuid: string): boolean {
  const state = report.states[vmUuid];
  if (state !== undefined) return stopStates.includes(state);
  return report.absentMeans === "stopped" && !names(report, vmUuid);
}

export function names(report: Report, vmUuid: string): boolean {
  return (
    report.states[vmUuid] !== undefined ||
    report.skipped.some((vm) => vm.vmUuid === vmUuid) ||
    report.withheld.some((vm) => vm.vmUuid === vmUuid)
  );
}

export interface ShownClaim {
  readonly vmUuid: string;
  readonly managementNode: string;
  readonly operationId: string;
  readonly state: "active" | "orphaned" | "ended";
}

export function shownClaims(report: Report): ShownClaim[] {
  return report.skipped.flatMap(({ vmUuid, claims }) => {
    return claims.map(({ managementNode, operationId, state }) => {
      return { vmUuid, managementNode, operationId, state };
    });
  });
}
