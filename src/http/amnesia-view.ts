import type { AmnesiaStatus } from "../agent/answers.ts";
import type { Instant } from "../core/instant.ts";
import { instantText, secondsUntil } from "./instants.ts";
import type { Amnesia } from "./schema/common.ts";

/** Amnesia, as a field that is absent while there is none. */
export function amnesiaField(of: AmnesiaStatus | undefined, now: Instant): { amnesia?: Amnesia } {
  if (of === undefined) return {};
  const amnesia = {
    reason: of.reason,
    startedAt: instantText(of.since),
    remainingSeconds: secondsUntil(of.endsAtMs, now),
    waitingFor: [...of.waitingFor],
  };
  return { amnesia };
}
