import { required } from "../arguments.ts";
import { claimParts, continueCommand, livingText } from "../claim-words.ts";
import type { Command } from "../command.ts";
import { say, showCommand } from "../prose.ts";
import { jsonText } from "../terminal.ts";

const headingWidth = 12;

/** `vmsyncctl claims show VM`: every claim on one VM, and what will end it. */
export const claimsShowCommand: Command = {
  words: ["claims", "show"],
  describe: "Show the claims on one VM in full, and what will end each",
  positionals: { vm: { describe: "uuid of the VM" } },
  async run({ reader, terminal, args, json, address, isAgentDown, nowMs }) {
    const vmUuid = required(args.vmUuid("vm", "VM"), "VM");
    const list = await reader.claims({ vmUuid });
    if (json) {
      terminal.out(jsonText(list));
      return;
    }
    const { claims } = list;
    const meaning = claims.length === 0 ? "it is judged" : "it is not judged";
    say(terminal, `${livingText(claims.length)} on VM ${vmUuid}: ${meaning}.`);
    for (const claim of claims) {
      terminal.out("");
      for (const [heading, text] of claimParts(claim, nowMs())) {
        say(terminal, text, heading.padEnd(headingWidth));
      }
      const heading = "To end it".padEnd(headingWidth);
      if (isAgentDown()) say(terminal, "start vmsyncd first: it is what ends claims", heading);
      else showCommand(terminal, continueCommand(claim, address), heading);
    }
  },
};
