// G11: every claim and every transition of a management node can be read back.

import type { StoredHistoryEntry } from "../../../src/core/history.ts";
import type { Checker } from "./checker.ts";

interface Expected {
  readonly host: string;
  readonly text: string;
  readonly isIt: (entry: StoredHistoryEntry) => boolean;
}

/** @returns a checker that watches one world */
export function everythingIsExplained(): Checker {
  let expected: Expected[] = [];
  return {
    guarantee: "G11",
    started({ store }, { host }) {
      // With the store its history is gone.
      if (store !== "kept") expected = expected.filter((one) => one.host !== host);
    },
    answered({ statement, answer }, { claims, host }) {
      if (answer?.status !== 200 || !answer.isDurable) return;
      if (statement.kind === "claim" && statement.from !== undefined) {
        const { from, claim } = statement;
        const isNew =
          claims.current(`${from.id} ${claim.vmUuid} ${claim.operationId}`) === undefined;
        if (!isNew) return;
        expected.push({
          host,
          text: `the making of ${from.id}/${claim.operationId}`,
          isIt: (entry) =>
            entry.kind === "claim-made" &&
            entry.managementNodeId === from.id &&
            entry.operationId === claim.operationId,
        });
      }
      if (statement.kind === "continue" && statement.owner !== undefined && !statement.isUnknown) {
        const { owner, vmUuid, operationId } = statement;
        const kinds = ["claim-ended", "continued-nothing"];
        expected.push({
          host,
          text: `the continue of ${owner}/${operationId}`,
          isIt: (entry) =>
            kinds.includes(entry.kind) &&
            entry.vmUuid === vmUuid &&
            entry.operationId === operationId,
        });
      }
      if (statement.kind === "depart") {
        const { departed } = answer.body as { departed: boolean };
        if (!departed) return;
        expected.push({
          host,
          text: `the departure of ${statement.id}`,
          isIt: (entry) =>
            entry.kind === "node-departed" && entry.managementNodeId === statement.id,
        });
      }
    },
    ended({ host }, world, fail) {
      const history = world.historyOf(host);
      for (const { host: of, text, isIt } of expected) {
        if (of === host && !history.some(isIt)) fail("G11", `${host} has no record of ${text}`);
      }
    },
  };
}
