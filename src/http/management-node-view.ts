import type { Agent } from "../agent/agent.ts";
import type { ManagementNodeStatus } from "../agent/answers.ts";
import { type KnownManagementNode, leaseSecondsOf } from "../core/management-node.ts";
import { instantText, secondsUntil } from "./instants.ts";
import type { NodeStatus } from "./schema/management-nodes.ts";

/** A management node as it is now. */
export function nodeView(agent: Agent, of: ManagementNodeStatus): NodeStatus {
  const { id, isConfigured, known } = of;
  return {
    id,
    configured: isConfigured,
    ...(known === undefined ? { state: "never-heard" } : knownView(known, agent)),
    claims: { active: of.claims - of.orphans, orphaned: of.orphans },
  };
}

function knownView(known: KnownManagementNode, agent: Agent) {
  const { epoch, instance, sequence, lastSeenAt, departed } = known;
  const leaseSeconds = leaseSecondsOf(known, agent.policy);
  const spoken = { epoch, instance, sequence, lastSeenAt: instantText(lastSeenAt), leaseSeconds };
  if (departed !== undefined) {
    const departedAt = instantText(departed.at);
    return { state: "departed" as const, ...spoken, departedAt, departureCause: departed.cause };
  }
  const leaseRemainingSeconds = secondsUntil(known.leaseExpiresAtMs, agent.now());
  return { state: "alive" as const, ...spoken, leaseRemainingSeconds };
}
