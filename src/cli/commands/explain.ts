import type { Explanation } from "../../client/client.ts";
import { required } from "../arguments.ts";
import type { Command } from "../command.ts";
import { entryText, receiver } from "../history-words.ts";
import { say } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { agoText } from "../words.ts";

/** `vmsyncctl explain VM`: why a report says of a VM what it says. */
export const explainCommand: Command = {
  words: ["explain"],
  describe: "Look at the host now, and explain what is said of one VM and why",
  positionals: { vm: { describe: "uuid of the VM" } },
  async run({ client, terminal, args, json, nowMs }) {
    const vmUuid = required(args.vmUuid("vm", "VM"), "VM");
    const explanation = await client.explain(vmUuid);
    if (json) {
      terminal.out(jsonText(explanation));
      return;
    }
    say(terminal, `VM ${vmUuid}: ${explanation.said}.`);
    terminal.out("");
    for (const sentence of explanation.sentences) say(terminal, sentence, "- ");
    const said = changesOf(explanation.lastReports);
    if (said.length > 0) terminal.out("");
    for (const { to, sentAt, said: word } of said) {
      say(terminal, `A report${receiver(to)} said ${word} of it ${agoText(sentAt, nowMs())}.`);
    }
    if (explanation.history.length > 0) terminal.out("");
    for (const entry of explanation.history.toReversed()) {
      say(terminal, entryText(entry), `${entry.at}  `);
    }
  },
};

/** Where what was said changed, oldest first. */
function changesOf(newestFirst: Explanation["lastReports"]): Explanation["lastReports"] {
  const reports = newestFirst.toReversed();
  return reports.filter(({ said }, index) => said !== reports[index - 1]?.said);
}
