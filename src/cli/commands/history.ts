import type { Command } from "../command.ts";
import { entryText, entryTime } from "../history-words.ts";
import { say } from "../prose.ts";
import { jsonText } from "../terminal.ts";

const limitMax = 1000;
const limitDefault = 100;

/** `vmsyncctl history [VM]`: what happened to claims and management nodes, newest first. */
export const historyCommand: Command = {
  words: ["history"],
  describe: "Tell what happened to claims and management nodes, newest first",
  positionals: { vm: { describe: "Only of this VM (uuid)", optional: true } },
  options: {
    node: { describe: "Only of this management node" },
    limit: { describe: `Entries at most, 1 to ${limitMax}; ${limitDefault} by default` },
    before: { describe: "Only entries older than the one of this number" },
  },
  async run({ reader, terminal, args, json }) {
    const vmUuid = args.vmUuid("vm", "VM");
    const managementNode = args.id("node");
    const limit = args.wholeNumber("limit", 1, limitMax) ?? limitDefault;
    const before = args.wholeNumber("before", 0, Number.MAX_SAFE_INTEGER);
    const page = await reader.history({ vmUuid, managementNode, limit, before });
    if (json) {
      terminal.out(jsonText(page));
      return;
    }
    for (const entry of page.entries) say(terminal, entryText(entry), `${entryTime(entry)}  `);
    if (page.next !== undefined) {
      say(terminal, `There are older entries: add --before ${page.next}`);
    } else if (page.entries.length === 0) {
      const older = before === undefined ? "" : ` before entry ${before}`;
      say(terminal, `The history says nothing of ${subjectText(vmUuid, managementNode)}${older}.`);
    }
  },
};

function subjectText(vmUuid: string | undefined, managementNode: string | undefined): string {
  const subjects = [vmUuid && `VM ${vmUuid}`, managementNode].filter((one) => one !== undefined);
  return subjects.length === 0 ? "anything" : subjects.join(" and ");
}
