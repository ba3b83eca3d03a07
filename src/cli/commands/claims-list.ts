import type { Command } from "../command.ts";
import { tableLines } from "../table.ts";
import { jsonText } from "../terminal.ts";
import { agoText } from "../words.ts";

/** `vmsyncctl claims list`: which VMs are not judged now, and because of whom. */
export const claimsListCommand: Command = {
  words: ["claims", "list"],
  describe: "List the live claims",
  async run({ client, terminal, json, nowMs }) {
    const list = await client.claims();
    if (json) {
      terminal.out(jsonText(list));
      return;
    }
    if (list.claims.length === 0) {
      terminal.out("No claim lives: every VM is judged.");
      return;
    }
    const rows = list.claims.map((claim) => {
      const { vmUuid, managementNode, operationId, reason, madeAt } = claim;
      return [vmUuid, managementNode, operationId, reason, agoText(madeAt, nowMs())];
    });
    const headings = ["VM", "MANAGEMENT NODE", "OPERATION", "REASON", "MADE"];
    for (const line of tableLines(headings, rows, terminal)) terminal.out(line);
  },
};
