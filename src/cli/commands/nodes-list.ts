import type { Command } from "../command.ts";
import { nodeLines } from "../node-table.ts";
import { jsonText } from "../terminal.ts";

/** `vmsyncctl nodes list`: who speaks to this host, and who should. */
export const nodesListCommand: Command = {
  words: ["nodes", "list"],
  describe: "List the management nodes, those configured and those heard",
  async run({ reader, terminal, json, nowMs }) {
    const list = await reader.managementNodes();
    if (json) {
      terminal.out(jsonText(list));
      return;
    }
    if (list.managementNodes.length === 0) {
      terminal.out("No management node is configured, and none was heard.");
      return;
    }
    for (const line of nodeLines(list.managementNodes, nowMs(), terminal)) terminal.out(line);
  },
};
