// G4: an orphan ends when its TTL is over, within a second; nobody shows it as living after that.

import { lifeKey } from "../reference/life.ts";
import type { Checker } from "./checker.ts";
import { lifeText } from "./missing-claims.ts";
import { shownClaims } from "./words-of-report.ts";

/** What the product promises. */
const promptMs = 1000;

export const orphansEnd: Checker = {
  guarantee: "G4",
  report({ report, host, sentAtMs }, { claims }, _world, fail) {
    for (const shown of shownClaims(report)) {
      if (shown.state === "ended") continue;
      const key = lifeKey(shown.managementNode, shown.vmUuid, shown.operationId);
      const life = claims.current(key);
      if (life === undefined) {
        fail("G4", `${host} shows ${key}, which nobody made in this store`);
        continue;
      }
      if (life.mayUntilMs <= sentAtMs) continue;
      const lateMs = sentAtMs - claims.expiresMost(life);
      if (lateMs <= promptMs) continue;
      fail("G4", `${host} shows ${lifeText(life)} ${Math.round(lateMs)} ms after its end`);
    }
  },
};
