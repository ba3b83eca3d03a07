// G3: a departure only turns active claims into orphans, and only those of whom it names.

import { lifeKey } from "../reference/life.ts";
import type { Checker } from "./checker.ts";
import { lifeText, missingClaims } from "./missing-claims.ts";
import { shownClaims } from "./words-of-report.ts";

export const departureDropsNothing: Checker = {
  guarantee: "G3",
  report(sent, reference, { vms }, fail) {
    const { claims } = reference;
    for (const life of missingClaims(sent, reference, vms)) {
      if (life.hasSurvivedRestart) continue;
      fail("G3", `${sent.host} dropped ${lifeText(life)}`);
    }
    for (const shown of shownClaims(sent.report)) {
      if (shown.state !== "orphaned") continue;
      const key = lifeKey(shown.managementNode, shown.vmUuid, shown.operationId);
      const life = claims.current(key);
      if (life === undefined || life.fromMs >= sent.look.startedAtMs) continue;
      if (!claims.isCertainlyActive(life, sent.sentAtMs)) continue;
      fail("G3", `${sent.host} calls ${lifeText(life)} an orphan although its node is alive`);
    }
  },
  applied({ statement, answer }, { claims, host }, _world, fail) {
    if (statement.kind !== "depart" || answer?.status !== 200) return;
    const { departed } = answer.body as { departed: boolean };
    const node = claims.nodes.get(statement.id);
    if (departed && node !== undefined && statement.epoch < node.epochLeast) {
      fail(
        "G3",
        `${host} let the departure of epoch ${statement.epoch} hit ${statement.id}:${node.epochLeast}`,
      );
    }
  },
};
