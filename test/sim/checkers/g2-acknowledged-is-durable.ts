// G2: what was acknowledged is known to the agent's next run.

import type { Checker } from "./checker.ts";
import { lifeText, missingClaims } from "./missing-claims.ts";

export const acknowledgedIsDurable: Checker = {
  guarantee: "G2",
  report(sent, reference, { vms }, fail) {
    for (const life of missingClaims(sent, reference, vms)) {
      if (!life.hasSurvivedRestart) continue;
      fail("G2", `${sent.host} no longer knows ${lifeText(life)} after a restart`);
    }
  },
};
