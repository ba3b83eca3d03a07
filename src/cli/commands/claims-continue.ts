import type { Claim, ContinueAnswer, VmsyncdClient } from "../../client/client.ts";
import { type Arguments, required } from "../arguments.ts";
import { claimName, continueCommand, livingText, ownerText } from "../claim-words.ts";
import type { Command } from "../command.ts";
import { say, showCommand, warnUnlessDurable } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { spanText } from "../words.ts";

interface Continue {
  readonly vmUuid: string;
  /** Undefined: everything on the VM that nobody owns. */
  readonly operation: string | undefined;
  readonly owner: string | undefined;
  readonly orphans: boolean;
}

/** `vmsyncctl claims continue VM [OPERATION]`: ends claims, and says which it did not end, and why. */
export const claimsContinueCommand: Command = {
  words: ["claims", "continue"],
  describe:
    "End claims on a VM: that of an operation, or the operator's own and orphans. An operation that is continued is over for its owner: a claim of it that comes late is refused",
  positionals: {
    vm: { describe: "uuid of the VM" },
    operation: { describe: "Which operation is over; without it, see --orphans", optional: true },
  },
  options: {
    owner: { describe: "Management node of the operation, where several have one of that id" },
    orphans: { describe: "Without an operation: end all orphans on the VM too", isFlag: true },
  },
  async run({ client, terminal, args, json, address }) {
    const what = continueOf(args);
    const answer = await carryOut(client, what);
    if (json) {
      terminal.out(jsonText(answer));
      return;
    }
    const { claims } = await client.claims({ vmUuid: what.vmUuid });
    for (const line of endedLines(what, answer)) say(terminal, line);
    for (const claim of claims) {
      say(terminal, stayingText(what, claim));
      showCommand(terminal, continueCommand(claim, address));
    }
    const meaning = claims.length === 0 ? "it is judged" : "it is not judged";
    say(terminal, `${livingText(claims.length)} on VM ${what.vmUuid} now: ${meaning}.`);
    warnUnlessDurable(terminal, answer);
  },
};

function continueOf(args: Arguments): Continue {
  const vmUuid = required(args.vmUuid("vm", "VM"), "VM");
  const operation = args.id("operation", "OPERATION");
  const owner = args.id("owner");
  const orphans = args.flag("orphans");
  if (operation === undefined && owner !== undefined) {
    throw new UsageError("cannot use --owner: it goes with an operation; name that too");
  }
  if (operation !== undefined && orphans) {
    throw new UsageError("cannot use --orphans: it goes without an operation");
  }
  return { vmUuid, operation, owner, orphans };
}

function carryOut(client: VmsyncdClient, what: Continue): Promise<ContinueAnswer> {
  const { vmUuid, operation, owner, orphans } = what;
  const caller = { id: "operator" };
  if (operation === undefined) return client.continueVm(vmUuid, { caller, orphans });
  return client.continueClaim(vmUuid, operation, { owner, caller });
}

function endedLines({ vmUuid, operation, owner }: Continue, { ended }: ContinueAnswer): string[] {
  if (ended.length > 0) return ended.map((claim) => `Ended: ${claimName(claim)}.`);
  if (operation === undefined) return ["Nothing ended."];
  const whose = owner === undefined ? "" : ` of ${ownerText(owner)}`;
  return [
    `Nothing ended: no claim of operation ${operation}${whose} was found on ${vmUuid}.`,
    `${lateText(operation, owner)}; a new operation needs a new id.`,
  ];
}

/** What a continue leaves behind of an operation of which there was no claim. */
function lateText(operation: string, owner: string | undefined): string {
  const late = `A claim of operation ${operation} on this VM that comes late`;
  const whose = owner === undefined ? ", whoever makes it," : ` from ${ownerText(owner)}`;
  return `${late}${whose} will be refused`;
}

/** Why this command did not end a claim that lives on; followed by the command that does. */
function stayingText(what: Continue, claim: Claim): string {
  const { orphan, managementNode, operationId } = claim;
  const state = orphan === undefined ? "active" : "orphaned";
  const name = `The ${state} ${claimName(claim)} stays`;
  if (what.operation !== undefined && what.operation !== operationId) {
    return `${name}: it is another operation. To end it:`;
  }
  if (what.operation !== undefined) {
    return what.owner === undefined
      ? `${name}: it was not clear whether ${managementNode} is meant. To end it:`
      : `${name}: it belongs to ${ownerText(managementNode)}, not to ${ownerText(what.owner)}. To end it:`;
  }
  if (orphan === undefined) {
    return `${name}: ${managementNode} is alive, and its operation has to be named. To end it:`;
  }
  const left = spanText(orphan.remainingSeconds * 1000);
  return `${name}: it ends by itself in ${left}; --orphans ends all orphans now. To end this one:`;
}
