import { amnesiaText } from "../amnesia-words.ts";
import type { Command, CommandContext } from "../command.ts";
import { FailedError } from "../failed-error.ts";
import { say, warn, warnUnlessDurable } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

const meaning =
  "To end it is to say that no operation is in flight whose claim was lost. From then on a VM that is not seen on this host is reported as stopped, and high availability may start it elsewhere: if it is only just starting here, it runs twice and its disk is destroyed.";

/** `vmsyncctl amnesia end`: the operator vouches for that no claim is missing. */
export const amnesiaEndCommand: Command = {
  words: ["amnesia", "end"],
  describe: "End amnesia: stops are reported again",
  options: { yes: { describe: "Do not ask", isFlag: true } },
  async run(context) {
    const { client, terminal, json } = context;
    const { amnesia, libvirt, observation } = await client.status();
    if (amnesia === undefined && !json) {
      say(terminal, "There is no amnesia: nothing to end.");
      return;
    }
    if (amnesia !== undefined) await confirm(context, amnesiaText(amnesia));
    const answer = await client.endAmnesia("operator");
    if (json) terminal.out(jsonText(answer));
    else if (answer.ended) say(terminal, endedText(libvirt.up && observation?.complete !== false));
    else say(terminal, "Amnesia was over already.");
    warnUnlessDurable(terminal, answer);
  },
};

function endedText(isSeen: boolean): string {
  return isSeen
    ? "Amnesia is over: stops are reported again."
    : "Amnesia is over: stops are reported again as soon as a look at the host is complete. The last one was not; see vmsyncctl status.";
}

/** What is asked is said on standard error, for --json has standard output for itself. */
async function confirm({ terminal, args }: CommandContext, text: string): Promise<void> {
  if (args.flag("yes")) return;
  warn(terminal, `${text}.`);
  warn(terminal, meaning);
  if (terminal.ask === undefined) {
    throw new UsageError("cannot end amnesia: nobody is here to confirm it; add --yes");
  }
  const answer = await terminal.ask("Type yes to end amnesia: ");
  if (answer.trim() !== "yes") {
    throw new FailedError("cannot end amnesia: it was not confirmed, and nothing changed");
  }
}
