import type { Status } from "../../client/client.ts";
import type { Command } from "../command.ts";
import { tableLines } from "../table.ts";
import { jsonText, printable } from "../terminal.ts";
import { agoText, forText } from "../words.ts";

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
    for (const line of statusLines(status, nowMs())) terminal.out(printable(line));
    const rows = status.managementNodes.map((node) => {
      const seen =
        node.lastSeenAt === undefined ? "never heard" : agoText(node.lastSeenAt, nowMs());
      const epoch = node.epoch === undefined ? "" : String(node.epoch);
      return [node.id, epoch, String(node.claims), seen, node.configured ? "yes" : "no"];
    });
    if (rows.length === 0) return;
    terminal.out("");
    const headings = ["MANAGEMENT NODE", "EPOCH", "CLAIMS", "LAST HEARD", "CONFIGURED"];
    for (const line of tableLines(headings, rows, terminal)) terminal.out(line);
  },
};

function statusLines(status: Status, nowMs: number): string[] {
  const { host, agent, libvirt, observation, claims, skipRevision } = status;
  return [
    `Host         ${host.id}`,
    `Agent        vmsyncd ${agent.version}, started ${agoText(agent.startedAt, nowMs)}`,
    libvirt.up
      ? `libvirt      ${upText(status)} on ${libvirt.socket ?? "?"}, for ${forText(libvirt.since, nowMs)}`
      : `libvirt      DOWN for ${forText(libvirt.since, nowMs)}: ${libvirt.detail ?? "?"}`,
    ...observationLines(observation, nowMs),
    `Claims       ${claims.active} live, skip revision ${skipRevision}; those made before the start are forgotten`,
  ];
}

/** A connection says nothing of whether calls are answered: the last observation does. */
function upText({ observation }: Status): string {
  const isSlow = observation?.problems.some(({ code }) => code === "libvirt-slow");
  return isSlow ? "connected, NOT ANSWERING," : "up";
}

function observationLines(observation: Status["observation"], nowMs: number): string[] {
  if (observation === undefined) return ["Observation  none yet: nobody has asked"];
  const { startedAt, durationMs, complete, domains, qemuProcesses, problems } = observation;
  const known = domains === undefined ? "domains not known" : `domains: ${domains}`;
  const seen = `${known}; VMs with a QEMU process: ${qemuProcesses}`;
  const how = complete ? "complete" : "NOT COMPLETE";
  const when = agoText(startedAt, nowMs);
  return [
    `Observation  ${how}, ${when}, took ${durationMs.toFixed(1)} ms: ${seen}`,
    ...problems.map(({ code, detail }) => `             ${detail} (${code})`),
  ];
}
