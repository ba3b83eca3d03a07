// G6: what comes after its own continue never lives, nor does what comes from an older epoch; and
// what is in time is taken.

import { comparePlaces, lifeKey } from "../reference/life.ts";
import type { ManagementNode } from "../../../src/http/schema/common.ts";
import { isRepeatedPerhaps } from "../reference/host-reference.ts";
import type { Statement } from "../reference/statement.ts";
import type { Checker } from "./checker.ts";

function speakerOf(statement: Statement): ManagementNode | undefined {
  switch (statement.kind) {
    case "sync":
    case "heartbeat":
      return statement.from;
    case "claim":
      return statement.from;
    default:
      return undefined;
  }
}

export const lateMessagesAreHarmless: Checker = {
  guarantee: "G6",
  answered({ statement, answer, receivedAtMs }, { claims, continued, host }, _world, fail) {
    const from = speakerOf(statement);
    if (from === undefined || answer === undefined) return;
    const node = claims.nodes.get(from.id);
    const isAccepted = answer.status === 200;
    if (isAccepted && node !== undefined && from.epoch < node.epochLeast) {
      fail("G6", `${host} heard ${from.id}:${from.epoch} although ${node.epochLeast} has spoken`);
    }
    const isOther =
      node?.epochLeast === from.epoch &&
      node.epochMost === from.epoch &&
      node.instance !== from.instance;
    if (isAccepted && isOther) {
      fail("G6", `${host} heard another process of ${from.id}:${from.epoch}`);
    }
    if (statement.kind === "claim") {
      const key = lifeKey(from.id, statement.claim.vmUuid, statement.claim.operationId);
      const overAtMs = continued.get(key);
      if (isAccepted && overAtMs !== undefined && overAtMs < receivedAtMs) {
        fail("G6", `${host} accepted ${key}, continued at ${Math.round(overAtMs)} ms`);
      }
      const isLatest =
        node !== undefined &&
        node.epochMost === node.epochLeast &&
        comparePlaces({ epoch: node.epochMost, sequence: node.sequence }, from) < 0 &&
        (from.epoch > node.epochMost || from.instance === node.instance);
      if (
        answer.status === 409 &&
        isLatest &&
        !continued.has(key) &&
        claims.current(key) === undefined
      ) {
        const { type } = answer.body as { type?: string };
        // Somebody may have continued it without naming its owner, or the VM as a whole.
        if (
          type?.endsWith("stale-epoch") === true ||
          type?.endsWith("instance-conflict") === true
        ) {
          fail("G6", `${host} refused ${key}, which is in time: ${type}`);
        }
      }
    }
    if (statement.kind === "sync" && isAccepted) {
      const { refused = [] } = answer.body as {
        refused?: { vmUuid: string; operationId: string }[];
      };
      if (node !== undefined && isRepeatedPerhaps(node, from)) return;
      if (node?.lastListSequence === from.sequence) return;
      for (const { vmUuid, operationId } of statement.list ?? []) {
        const overAtMs = continued.get(lifeKey(from.id, vmUuid, operationId));
        const isRefused = refused.some(
          (one) => one.vmUuid === vmUuid && one.operationId === operationId,
        );
        if (isRefused || overAtMs === undefined || overAtMs >= receivedAtMs) continue;
        fail(
          "G6",
          `${host} accepted ${operationId} in a list, continued at ${Math.round(overAtMs)} ms`,
        );
      }
    }
  },
};
