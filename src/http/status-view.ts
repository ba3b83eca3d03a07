import type { Agent } from "../agent/agent.ts";
import type { AgentStatus } from "../agent/answers.ts";
import { isComplete } from "../core/observation.ts";
import { runOf } from "./accepted.ts";
import { amnesiaField } from "./amnesia-view.ts";
import { instantText } from "./instants.ts";
import { nodeView } from "./management-node-view.ts";
import type { Status } from "./schema/status.ts";

export function statusView(agent: Agent, of: AgentStatus): Status {
  const { libvirt, lastObservation } = of;
  const { host, version } = agent.identity;
  return {
    host,
    agent: { version, startedAt: instantText(of.startedAt), ...runOf(agent) },
    ...amnesiaField(of.amnesia, agent.now()),
    libvirt: {
      up: libvirt.up,
      since: instantText(libvirt.since),
      ...(libvirt.up ? { socket: libvirt.socket } : { code: libvirt.code, detail: libvirt.detail }),
      ...libvirt.counts,
    },
    ...(lastObservation === undefined ? {} : { observation: observationView(lastObservation) }),
    skipRevision: of.skipRevision,
    claims: { active: of.activeClaims, orphaned: of.orphanedClaims, stale: of.staleClaims },
    instanceConflicts: of.instanceConflicts,
    store: storeView(of.store),
    managementNodes: of.managementNodes.map((node) => nodeView(agent, node)),
  };
}

function storeView(store: AgentStatus["store"]): Status["store"] {
  if (store.writable) return { writable: true };
  const { code, detail, since } = store;
  return { writable: false, code, detail, failingSinceAt: instantText(since) };
}

function observationView(of: NonNullable<AgentStatus["lastObservation"]>) {
  return {
    startedAt: instantText(of.startedAt),
    durationMs: Math.round((of.finishedAt.ms - of.startedAt.ms) * 1000) / 1000,
    complete: isComplete(of),
    ...(of.domains === undefined ? {} : { domains: of.domains.size }),
    qemuProcesses: of.qemus.size,
    problems: [...of.problems],
  };
}
