// The history's entries as sentences. A kind or a cause of a newer agent is shown as its code.

import type { History } from "../client/client.ts";
import { claimName, ownerText } from "./claim-words.ts";
import { amnesiaReasonText, orphanCauseText } from "./words.ts";

export type HistoryEntry = History["entries"][number];

/** Fields of an entry as texts that fit into a sentence. */
interface Facts {
  readonly vm: string;
  readonly node: string;
  /** "claim start-7 of mn-1 on 7e6b7c2a-..." */
  readonly claim: string;
  readonly operation: string | undefined;
  readonly managementNode: string | undefined;
  readonly cause: string;
  readonly by: string;
  /** " to mn-1", where a report was sent. */
  readonly to: string;
  readonly detail: string;
  /** " (start)", where a claim says why it was made. */
  readonly reason: string;
}

const sentences: Readonly<Record<HistoryEntry["kind"], (of: Facts) => string>> = {
  "agent-started": ({ detail }) => `vmsyncd started: ${detail}`,
  "store-set-aside": ({ detail }) => `the store could not be used: ${detail}`,
  "amnesia-began": ({ cause }) =>
    `amnesia began, because ${amnesiaReasonText(cause)}: nothing is called stopped`,
  "amnesia-ended": ({ cause, by }) => `amnesia ended: ${amnesiaEndText(cause, by)}`,
  "claim-made": ({ node, vm, operation, reason }) =>
    `${node} claimed ${vm} for operation ${operation ?? "?"}${reason}`,
  "claim-renewed": ({ claim, reason }) => `${claim} was renewed${reason}`,
  "claim-orphaned": ({ claim, cause, node, detail }) =>
    `${claim} became an orphan: ${orphanCauseText(cause, node)}; it ${detail}`,
  "claim-readopted": ({ claim, node }) => `${claim} is active again: ${node} took it back`,
  "claim-ended": (of) => `${of.claim} ended: ${endText(of)}`,
  "claim-refused": ({ node, detail }) => `${node} was refused: ${detail}`,
  "continued-nothing": (of) => continuedNothingText(of),
  "node-heard": ({ node, detail }) => `${node} was heard for the first time with ${detail}`,
  "node-returned": ({ node, detail }) => `${node} is back: ${detail}`,
  "node-departed": ({ node, cause, by }) => `${node} departed: ${departureText(cause, by)}`,
  "node-refused": ({ node, detail }) => `${node} was refused: ${detail}`,
  "node-forgotten": ({ node }) => `${node} is forgotten: long gone, and without claims`,
  "vm-started": ({ vm }) => `${vm} started`,
  "vm-stopped": ({ vm, cause }) => `${vm} stopped: ${cause}`,
  "stop-said": ({ vm, detail, to }) => `a report${to} called ${vm} ${detail}`,
  "stop-withheld": ({ vm, detail, to }) =>
    `a report${to} did not say that ${vm} stopped: ${detail}`,
  "stop-acknowledged": ({ vm, by, cause }) => `${by} took note that ${vm} stopped: ${cause}`,
  "libvirt-up": ({ detail }) => `libvirt answers on ${detail}`,
  "libvirt-down": ({ cause, detail }) => `libvirt is down: ${detail} (${cause})`,
  "history-lost": ({ detail }) => `entries are missing here: ${detail}`,
};

/** What happened, as one sentence without its time. */
export function entryText(entry: HistoryEntry): string {
  const facts = factsOf(entry);
  const known: Readonly<Record<string, (of: Facts) => string>> = sentences;
  const sentence = known[entry.kind];
  if (sentence !== undefined) return sentence(facts);
  const { id: _id, at: _at, kind, ...fields } = entry;
  const said = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
  return `${kind}: ${said.join(", ")}`;
}

/** When it happened, to the second, which is what people compare. */
export function entryTime({ at }: HistoryEntry): string {
  return at.replace(/\.\d+Z$/, "Z");
}

/** Who asked where the request did not say. */
const unnamed = "unnamed";
/** By whom is what nobody asked for. */
const agent = "agent";

/** To whom a report went: " to mn-1"; nothing where it is not known. */
export function receiver(id: string): string {
  if (id === agent) return "";
  return ` to ${id === unnamed ? "somebody without a name" : ownerText(id)}`;
}

function factsOf(entry: HistoryEntry): Facts {
  const { vmUuid, managementNode, operationId, cause = "", by, detail = "" } = entry;
  const node = managementNode === undefined ? "somebody" : ownerText(managementNode);
  const name = claimName({
    operationId: operationId ?? "?",
    managementNode: managementNode ?? "somebody",
  });
  return {
    vm: vmUuid ?? "?",
    node,
    claim: vmUuid === undefined ? name : `${name} on ${vmUuid}`,
    operation: operationId,
    managementNode,
    cause,
    by: by === unnamed ? "somebody without a name" : ownerText(by),
    to: receiver(by),
    detail,
    reason: detail === "" ? "" : ` (${detail})`,
  };
}

function endText({ cause, node, by }: Facts): string {
  switch (cause) {
    case "continued":
      return `continued by ${by}`;
    case "left-out-of-list":
      return `${node} sent a list without it`;
    case "ttl-expired":
      return "its TTL was over";
    case "not-stored":
      return "the disk did not take it, so it was refused";
    default:
      return cause;
  }
}

/** A continue that leaves something behind although, of whom it names, nothing was there. */
function continuedNothingText({ operation, managementNode, node, by, vm }: Facts): string {
  if (operation === undefined) {
    return `${by} continued its own claims on ${vm}, and had none: older ones that come late are refused`;
  }
  const late = "one that comes late is refused";
  if (managementNode === undefined) {
    return `${by} continued operation ${operation} on ${vm}, of which nobody had a claim: ${late}`;
  }
  return node === by
    ? `${by} continued operation ${operation} on ${vm} without a claim of its own: ${late}`
    : `${by} continued operation ${operation} of ${node} on ${vm}, of which there was no claim: ${late}`;
}

function amnesiaEndText(cause: string, by: string): string {
  switch (cause) {
    case "elapsed":
      return "its time was over";
    case "operator":
      return `ended by ${by}`;
    case "all-lists-heard":
      return "every configured management node has sent its whole list";
    default:
      return cause;
  }
}

function departureText(cause: string, by: string): string {
  switch (cause) {
    case "departed":
      return `said by ${by}`;
    case "lease-lapsed":
      return "silent for its whole lease";
    default:
      return cause;
  }
}
