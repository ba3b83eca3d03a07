import { claimStateText, ownerText } from "../claim-words.ts";
import type { Command } from "../command.ts";
import { say } from "../prose.ts";
import { tableLines } from "../table.ts";
import { jsonText } from "../terminal.ts";

/** `vmsyncctl claims list`: which VMs are not judged now, and because of whom. */
export const claimsListCommand: Command = {
  words: ["claims", "list"],
  describe: "List the live claims",
  options: {
    vm: { describe: "Only those on this VM (uuid)" },
    node: { describe: "Only those of this management node; operator: the operator's" },
  },
  async run({ reader, terminal, args, json }) {
    const filter = { vmUuid: args.vmUuid("vm"), managementNode: args.id("node") };
    const list = await reader.claims(filter);
    if (json) {
      terminal.out(jsonText(list));
      return;
    }
    if (list.claims.length === 0) {
      say(terminal, noneText(filter));
      return;
    }
    const rows = list.claims.map((claim) => {
      const { vmUuid, managementNode, operationId, reason } = claim;
      return [vmUuid, managementNode, operationId, reason, claimStateText(claim)];
    });
    const headings = ["VM", "MN", "OPERATION", "REASON", "STATE"];
    for (const line of tableLines(headings, rows, terminal)) terminal.out(line);
  },
};

function noneText(filter: {
  vmUuid: string | undefined;
  managementNode: string | undefined;
}): string {
  const { vmUuid, managementNode } = filter;
  if (managementNode !== undefined) {
    const place = vmUuid === undefined ? "" : ` on ${vmUuid}`;
    return `No claim of ${ownerText(managementNode)} lives${place}.`;
  }
  return vmUuid === undefined
    ? "No claim lives: every VM is judged."
    : `No claim lives on ${vmUuid}: it is judged.`;
}
