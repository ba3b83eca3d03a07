import type { SentReport } from "../reference/delivery.ts";
import type { HostReference } from "../reference/host-reference.ts";
import type { Life } from "../reference/life.ts";
import { shownClaims } from "./words-of-report.ts";

/** Claims that certainly lived throughout the window of a report which does not show them living. */
export function missingClaims(
  { report, look, sentAtMs }: SentReport,
  { claims }: HostReference,
  vms: readonly string[],
): Life[] {
  const shown = new Set(
    shownClaims(report)
      .filter(({ state }) => state !== "ended")
      .map(
        ({ vmUuid, managementNode, operationId }) => `${managementNode} ${vmUuid} ${operationId}`,
      ),
  );
  return vms.flatMap((vmUuid) => {
    return claims.livesOn(vmUuid).filter((life) => {
      const isLiving = life.fromMs < look.startedAtMs && claims.certainUntil(life) > sentAtMs;
      return isLiving && !shown.has(`${life.owner} ${vmUuid} ${life.operationId}`);
    });
  });
}

export function lifeText({ owner, vmUuid, operationId, fromMs }: Life): string {
  return `${owner}/${operationId} on ${vmUuid.slice(0, 4)}, made at ${Math.round(fromMs)} ms`;
}
