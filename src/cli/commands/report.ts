import type { Report } from "../../client/client.ts";
import { amnesiaText } from "../amnesia-words.ts";
import { ownerText } from "../claim-words.ts";
import type { Command } from "../command.ts";
import { say } from "../prose.ts";
import { tableLines } from "../table.ts";
import { jsonText } from "../terminal.ts";
import { agoText, forText, reasonText, roughSpanText } from "../words.ts";

/** `vmsyncctl report`: looks at the host now, and shows what a management node would be told. */
export const reportCommand: Command = {
  words: ["report"],
  describe: "Show what a management node would be told now",
  async run({ client, terminal, json, nowMs }) {
    const report = await client.report({ include: "libvirt" });
    if (json) {
      terminal.out(jsonText(report));
      return;
    }
    for (const line of headLines(report)) say(terminal, line);
    terminal.out("");
    const rows = rowsOf(report, nowMs());
    if (rows.length === 0) {
      say(terminal, noneText(report));
      return;
    }
    const headings = ["VM", "NAME", "STATE", "WHY"];
    for (const line of tableLines(headings, rows, terminal)) terminal.out(line);
  },
};

function headLines(report: Report): string[] {
  const { host, agent, observation, absentMeans, amnesia, skipRevision } = report;
  const isComplete = observation.complete ? "complete" : "NOT COMPLETE";
  return [
    `Host ${host.id} at ${observation.startedAt}: ${isComplete}; skip revision ${skipRevision}`,
    `Agent epoch ${agent.epoch} of store ${agent.storeId}`,
    ...(amnesia === undefined ? [] : [`Amnesia: ${amnesiaText(amnesia)}.`]),
    absentMeans === "stopped"
      ? "A VM that is not listed here is stopped."
      : "A VM that is not listed here may be running: nothing is known of it.",
    ...observation.problems.map(({ code, detail }) => `Problem: ${detail} (${code})`),
  ];
}

/** A report that names no VM is good news only where the look could have seen one. */
function noneText({ absentMeans, observation }: Report): string {
  if (!observation.complete) {
    return "No VM can be named: the look at the host was not complete. VMs may be running here.";
  }
  return absentMeans === "stopped"
    ? "No VM is on this host."
    : "No VM was seen, and it cannot be said that none is on this host.";
}

function rowsOf(report: Report, nowMs: number): string[][] {
  const name = (uuid: string): string => report.libvirt?.[uuid]?.name ?? "";
  const rows = Object.entries(report.states).map(([uuid, state]) => [uuid, name(uuid), state, ""]);
  for (const { vmUuid, alive, claims } of report.skipped) {
    const why = claims.map((claim) => claimText(claim, nowMs)).join("; ");
    rows.push([vmUuid, name(vmUuid), alive ? "skipped, alive" : "skipped", why]);
  }
  for (const { vmUuid, reasons, since } of report.withheld) {
    const why = `${reasons.map(reasonText).join("; ")}, for ${forText(since, nowMs)}`;
    rows.push([vmUuid, name(vmUuid), "Unknown", why]);
  }
  return rows.toSorted(([a = ""], [b = ""]) => a.localeCompare(b));
}

function claimText(claim: Report["skipped"][number]["claims"][number], nowMs: number): string {
  const { managementNode, operationId, reason } = claim;
  const how = claimStateText(claim, nowMs);
  return `${reason || "operation"} by ${ownerText(managementNode)}, ${how} (${operationId})`;
}

function claimStateText(
  { state, madeAt, remainingSeconds }: Report["skipped"][number]["claims"][number],
  nowMs: number,
): string {
  if (state === "ended") return "ended just now";
  if (state === "active") return agoText(madeAt, nowMs);
  const left = remainingSeconds === undefined ? "" : `, ${roughSpanText(remainingSeconds)} left`;
  return `orphan${left}, ${agoText(madeAt, nowMs)}`;
}
