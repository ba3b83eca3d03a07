import type { Status } from "../../client/client.ts";
import { amnesiaText } from "../amnesia-words.ts";
import { claimCountText } from "../claim-words.ts";
import type { Command } from "../command.ts";
import { nodeLines } from "../node-table.ts";
import { say } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { agoText, countText, forText } from "../words.ts";

/** `vmsyncctl status`: how the agent, its libvirt and its management nodes are. */
export const statusCommand: Command = {
  words: ["status"],
  describe: "Show how the agent and its connection to libvirt are",
  async run({ client, terminal, json, nowMs }) {
    const status = await client.status();
    if (json) {
      terminal.out(jsonText(status));
      return;
    }
    for (const [heading, text] of statusParts(status, nowMs())) {
      say(terminal, text, heading.padEnd(headingWidth));
    }
    if (status.managementNodes.length === 0) return;
    terminal.out("");
    const lines = nodeLines(status.managementNodes, nowMs(), terminal);
    for (const line of lines) terminal.out(line);
  },
};

const headingWidth = 13;

type Part = readonly [heading: string, text: string];

function statusParts(status: Status, nowMs: number): Part[] {
  const { host, agent, amnesia, libvirt, observation, claims, skipRevision } = status;
  const since = forText(libvirt.since, nowMs);
  const down = `DOWN for ${since}: ${libvirt.detail ?? "?"}`;
  const parts: (Part | undefined)[] = [
    ["Host", host.id],
    ["Agent", `vmsyncd ${agent.version}, started ${agoText(agent.startedAt, nowMs)}`],
    ["Run", `agent epoch ${agent.epoch} of store ${agent.storeId}`],
    amnesia && ["Amnesia", amnesiaText(amnesia)],
    ["libvirt", libvirt.up ? `${upText(status)} on ${libvirt.socket ?? "?"}, for ${since}` : down],
    abandonedPart(libvirt),
    ...observationParts(observation, nowMs),
    ["Claims", `${claimCountText(claims)}; skip revision ${skipRevision}`],
    ["Store", storeText(status.store, nowMs)],
    conflictPart(status.instanceConflicts),
  ];
  return parts.filter((part) => part !== undefined);
}

function storeText(store: Status["store"], nowMs: number): string {
  if (store.writable) return "can be written";
  const { code = "?", detail = "?", failingSinceAt } = store;
  const since = failingSinceAt === undefined ? "" : ` for ${forText(failingSinceAt, nowMs)}`;
  return `CANNOT BE WRITTEN${since}: ${detail} (${code}); claims are refused, and what ends or departs now is forgotten by a restart`;
}

function conflictPart(count: number): Part | undefined {
  if (count === 0) return undefined;
  const text = `${countText(count, "statement")} refused since the start: two processes speak under the id of one management node; vmsyncctl history names it`;
  return ["Conflicts", text];
}

function abandonedPart({
  abandonedCalls,
  abandonedCallsTotal,
}: Status["libvirt"]): Part | undefined {
  if (abandonedCalls === 0) return undefined;
  const calls = countText(abandonedCalls, "call");
  const text = `${calls} waiting in it beyond the limit (${abandonedCallsTotal} since the start)`;
  return ["", text];
}

/** A connection says nothing of whether calls are answered: the last observation does. */
function upText({ observation }: Status): string {
  const isSlow = observation?.problems.some(({ code }) => code === "libvirt-slow");
  return isSlow ? "connected, NOT ANSWERING," : "up";
}

function observationParts(observation: Status["observation"], nowMs: number): Part[] {
  if (observation === undefined) return [["Observation", "none yet"]];
  const { startedAt, durationMs, complete, domains, qemuProcesses, problems } = observation;
  const known = domains === undefined ? "domains not known" : `domains: ${domains}`;
  const seen = `${known}; VMs with a QEMU process: ${qemuProcesses}`;
  const how = complete ? "complete" : "NOT COMPLETE";
  const when = agoText(startedAt, nowMs);
  return [
    ["Observation", `${how}, ${when}, took ${durationMs.toFixed(1)} ms: ${seen}`],
    ...problems.map(({ code, detail }): Part => ["", `${detail} (${code})`]),
  ];
}
