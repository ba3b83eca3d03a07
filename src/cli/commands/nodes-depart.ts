import type { NodeStatus, VmsyncdClient } from "../../client/client.ts";
import { required } from "../arguments.ts";
import type { Command } from "../command.ts";
import { FailedError } from "../failed-error.ts";
import { nodeStateText } from "../node-table.ts";
import { say, warn, warnUnlessDurable } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { countText } from "../words.ts";

/** `vmsyncctl nodes depart ID`: says that the process of a management node is gone. */
export const nodesDepartCommand: Command = {
  words: ["nodes", "depart"],
  describe: "Say that a management node is gone: its claims become orphans",
  positionals: { id: { describe: "Id of the management node" } },
  options: { epoch: { describe: "Epoch that is gone; by default the one that is in force" } },
  async run({ client, terminal, args, json, nowMs }) {
    const id = required(args.id("id", "ID"), "ID");
    const named = args.wholeNumber("epoch", 0, Number.MAX_SAFE_INTEGER);
    const epoch = named ?? (await currentEpoch(client, id));
    // On standard error, for --json has standard output for itself.
    if (named === undefined) warn(terminal, `The epoch of ${id} that is in force is ${epoch}.`);
    const known = named === undefined || json ? epoch : await heardEpoch(client, id);
    const answer = await client.depart(id, epoch, "operator");
    if (json) {
      terminal.out(jsonText(answer));
      return;
    }
    if (!answer.departed) {
      const node = await client.managementNode(id);
      say(terminal, `Nothing changed: ${unchangedText(node, epoch, nowMs())}.`);
      return;
    }
    const orphans =
      answer.orphaned === 0
        ? "it had no active claim"
        : `${countText(answer.orphaned, "claim")} of it ${answer.orphaned === 1 ? "is an orphan" : "are orphans"} now, until continued or until the TTL is over`;
    const heard =
      known === undefined || known === epoch
        ? ""
        : ` (epoch ${known} was the last one heard here, and what it claimed is meant)`;
    say(terminal, `${id}, epoch ${epoch}, departed${heard}: ${orphans}.`);
    if (answer.orphaned > 0) say(terminal, returnText(answer.orphaned, known ?? epoch));
    warnUnlessDurable(terminal, answer);
  },
};

async function currentEpoch(client: VmsyncdClient, id: string): Promise<number> {
  const { epoch } = await client.managementNode(id);
  if (epoch !== undefined) return epoch;
  throw new FailedError(`cannot depart ${id}: it never spoke here, so it has no claims either`);
}

/** The epoch that was in force before; undefined: it never spoke. */
async function heardEpoch(client: VmsyncdClient, id: string): Promise<number | undefined> {
  return (await client.managementNode(id)).epoch;
}

function returnText(orphaned: number, epoch: number): string {
  const [them, each] = orphaned === 1 ? ["it", "it"] : ["them", "them"];
  return `If it lives after all, its next request with epoch ${epoch} takes ${them} back; of a newer epoch only a statement that names ${each} does.`;
}

function unchangedText(node: NodeStatus, epoch: number, nowMs: number): string {
  const { id, epoch: current = epoch } = node;
  if (node.state !== "alive") return `${id} is not alive (${nodeStateText(node, nowMs)})`;
  return `${id} speaks with epoch ${current}, and epoch ${epoch} is gone already; to depart the one that speaks, say --epoch ${current}`;
}
