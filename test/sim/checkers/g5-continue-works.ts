// G5: a continue is answered 200, whoever asks for what, and what was continued is over.

import { lifeKey } from "../reference/life.ts";
import type { Checker } from "./checker.ts";
import { lifeText } from "./missing-claims.ts";
import { shownClaims } from "./words-of-report.ts";

export const continueWorks: Checker = {
  guarantee: "G5",
  answered({ statement, answer }, { host }, _world, fail) {
    if (statement.kind !== "continue" && statement.kind !== "continue-vm") return;
    if (answer?.status === 200) return;
    const { owner, caller } = { owner: undefined, ...statement };
    // Of several owners none was named: the one refusal that a continue may get.
    if (owner === undefined && caller === undefined && answer?.status === 409) return;
    fail("G5", `${host} refused a continue: ${answer?.status} ${JSON.stringify(answer?.body)}`);
  },
  report({ report, host, sentAtMs }, { claims }, _world, fail) {
    for (const { managementNode, vmUuid, operationId, state } of shownClaims(report)) {
      if (state === "ended") continue;
      const life = claims.current(lifeKey(managementNode, vmUuid, operationId));
      if (life === undefined || life.mayUntilMs > sentAtMs) continue;
      const late = Math.round(sentAtMs - life.mayUntilMs);
      fail(
        "G5",
        `${host} shows ${lifeText(life)} as ${state}, ${late} ms after its end was answered`,
      );
    }
  },
};
