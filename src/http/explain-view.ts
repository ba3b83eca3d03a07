import type { Agent } from "../agent/agent.ts";
import type { Report } from "../agent/answers.ts";
import type { StoredHistoryEntry } from "../core/history.ts";
import { domainLooks, type Observation } from "../core/observation.ts";
import { sayingOf } from "../core/report.ts";
import type { Stop } from "../core/stop.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import { amnesiaField } from "./amnesia-view.ts";
import { claimView } from "./claim-view.ts";
import { explainSentences } from "./explain-sentences.ts";
import { historyEntryView } from "./history-view.ts";
import { instantText } from "./instants.ts";
import { libvirtWords } from "./libvirt-words.ts";
import { observationView } from "./report-view.ts";
import type { Explanation } from "./schema/explain.ts";

/** Reports of which it is told what they said. */
const lastReportsMax = 10;

/**
 * @param known what is known of the VM beside the look
 * @param history its last entries, newest first
 */
export function explainView(
  agent: Agent,
  vmUuid: VmUuid,
  of: Report,
  known: ReturnType<Agent["knownOf"]>,
  history: readonly StoredHistoryEntry[],
): Explanation {
  const { observation, filtered } = of;
  const reasons = filtered.withheld.find((vm) => vm.vmUuid === vmUuid)?.reasons;
  const facts = {
    vmUuid,
    said: sayingOf(filtered, vmUuid),
    ...(reasons !== undefined && { withheld: [...reasons] }),
    observation: observationView(of),
    libvirt: libvirtPart(observation, vmUuid),
    process: processWord(observation, vmUuid),
    ...amnesiaField(of.amnesia, agent.now()),
    claims: known.claims.map((claim) => claimView(agent, claim)),
    ...(known.stop !== undefined && { stop: stopPart(known.stop) }),
  };
  const lastReports = known.said.slice(0, lastReportsMax).map(({ reportId, to, sentAt, said }) => {
    return { reportId, to, sentAt: instantText(sentAt), said };
  });
  const sentences = explainSentences(facts);
  return { ...facts, sentences, lastReports, history: history.map(historyEntryView) };
}

function libvirtPart(observation: Observation, vmUuid: VmUuid): Explanation["libvirt"] {
  const domain = domainLooks(observation).get(vmUuid);
  if (domain === undefined) return { listed: observation.domains === undefined ? "unknown" : "no" };
  const { name, state, reason } = domain;
  return { listed: "yes", name, state, reason, words: libvirtWords(state, reason) };
}

function processWord(
  { qemus, processesWhole }: Observation,
  vmUuid: VmUuid,
): Explanation["process"] {
  if (qemus.has(vmUuid)) return "alive";
  return processesWhole ? "none" : "unknown";
}

function stopPart({ cause, at, isAcknowledged }: Stop): NonNullable<Explanation["stop"]> {
  return {
    ...(cause !== undefined && { cause }),
    at: instantText(at),
    acknowledged: isAcknowledged,
  };
}
