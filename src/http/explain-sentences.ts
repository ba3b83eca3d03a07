// The explanation of a report's word on one VM, in sentences that an operator understands at night.

import type { WithholdingReason } from "../core/vm-state.ts";
import type { Explanation } from "./schema/explain.ts";

/** Why a stop is not said, for how long, and what can be done. */
const withheldSentences: Readonly<Record<WithholdingReason, string>> = {
  "qemu-process-alive":
    "Its stop is not said because a QEMU process with its uuid lives, whatever libvirt says: libvirt has lost track of it (a damaged status file does that), or is slow to notice its start. This lasts as long as the process does. Do not start the VM elsewhere; look at the process (pgrep -af and the uuid). Before you end it, claim the VM (vmsyncctl claims add), or its stop is reported and it may be started elsewhere while you start it here.",
  "no-process":
    "libvirt calls it active, and no QEMU process with its uuid is there: libvirt has not noticed its end yet, or its process is hidden from vmsyncd. This lasts until libvirt says otherwise; it notices an end within seconds, unless it hangs. Look for the process (pgrep -af and the uuid) and at what virsh domstate says; if the process is there, vmsyncd cannot see it: hidepid, or another process table (observation.procPath).",
  "observation-incomplete":
    "Its stop is not said because the look at the host was not complete, and absence from such a look proves nothing. The first complete look ends this; see the problems of the observation.",
  "migrated-away":
    "It moved to another host, and no management node has acknowledged a report that says so. It is not called stopped before one has, or it runs here again. If it runs nowhere, the management node has to take note: it does with its next sync that acknowledges a report.",
  "mass-disappearance":
    "More than half of the VMs of this host were gone at once, and nothing told of their ends. Two more complete looks, each at least 5 s after the one before, have to confirm it: every question is a look, vmsyncctl report too, and without any there is one every 30 s. Compare with virsh list --all and the QEMU processes before you believe it.",
  "claim-memory-cut":
    "More claims ended while the host was looked at than can be remembered, so one on this VM may have been among them. The next look ends this.",
  amnesia:
    "vmsyncd may not know of every claim, since its store is new, was lost or came from a backup. It calls nothing stopped until that is over, or an operator ends it: vmsyncctl amnesia end.",
};

type Facts = Omit<Explanation, "sentences" | "history" | "lastReports">;

/** The explanation, most important first. */
export function explainSentences(of: Facts): string[] {
  return [
    ...verdictSentences(of),
    libvirtSentence(of),
    processSentence(of),
    ...of.claims.map(claimSentence),
    ...stopSentences(of),
  ];
}

function verdictSentences({ said, withheld, claims, observation, libvirt }: Facts): string[] {
  if (withheld !== undefined) {
    const sentences = withheld.map((reason) => withheldSentences[reason]);
    return ["A report calls it Unknown and names it as withheld.", ...sentences];
  }
  switch (said) {
    case "skipped":
      return [
        claims.length === 0
          ? "A report skips it: a claim on it ended while the host was looked at. The next look judges it."
          : `A report skips it and says nothing of its state: ${claims.length === 1 ? "a claim" : `${claims.length} claims`} on it ${claims.length === 1 ? "lives" : "live"}.`,
      ];
    case "Stopped":
    case "Crashed":
      return [
        libvirt.listed === "no"
          ? `A report calls it ${said}: libvirt does not list it, and no QEMU process with its uuid is there.`
          : `A report calls it ${said}: that is what libvirt says, and no QEMU process with its uuid is there.`,
      ];
    case "nothing":
      return ["A report does not name it, and says that this means nothing."];
    case "Unknown":
      return [
        observation.complete
          ? "A report calls it Unknown: what libvirt says of it is neither life nor a stop."
          : "A report calls it Unknown: the look at the host was not complete.",
      ];
    default:
      return [`A report calls it ${said}.`];
  }
}

function libvirtSentence({ libvirt, observation }: Facts): string {
  if (libvirt.listed === "yes")
    return `libvirt calls it ${libvirt.words ?? "nothing"}, by the name ${libvirt.name ?? "?"}.`;
  if (libvirt.listed === "no") return "libvirt does not list it.";
  const [problem] = observation.problems;
  return `libvirt gave no whole answer${problem === undefined ? "" : `: ${problem.detail}`}.`;
}

function processSentence({ process }: Facts): string {
  if (process === "alive") return "A QEMU process with its uuid lives.";
  return process === "none"
    ? "No QEMU process has its uuid."
    : "Whether a QEMU process has its uuid is not known: not every process could be read.";
}

function claimSentence({
  operationId,
  managementNode,
  reason,
  ageSeconds,
  orphan,
  stale,
}: Explanation["claims"][number]): string {
  const what = `Claim ${operationId} of ${managementNode}${reason === "" ? "" : ` (${reason})`}, made ${ageSeconds} s ago,`;
  if (orphan !== undefined) {
    return `${what} is an orphan (${orphan.cause}) and ends in ${orphan.remainingSeconds} s at the latest.`;
  }
  const leak = stale === true ? " It is older than it should be and may have leaked." : "";
  return `${what} is active: it ends when it is continued, or some time after its management node is gone.${leak}`;
}

function stopSentences({ stop }: Facts): string[] {
  if (stop === undefined) return [];
  const why = stop.cause === undefined ? "nothing told why" : stop.cause;
  const noted = stop.acknowledged
    ? "A management node took note."
    : "No management node has taken note of the cause yet.";
  return [
    `Its last stop on this host was at ${stop.at}: ${why}. ${stop.cause === undefined ? "" : noted}`.trim(),
  ];
}
