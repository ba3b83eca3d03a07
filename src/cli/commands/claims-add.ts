import { randomBytes } from "node:crypto";
import { required } from "../arguments.ts";
import type { Command } from "../command.ts";
import { continueCommand } from "../claim-words.ts";
import { say, showCommand } from "../prose.ts";
import { jsonText } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import { spanText } from "../words.ts";

const ttlSecondsMax = 86_400;
const reasonLengthMax = 256;
/** What the API does not accept in a text (http/schema/common.ts). */
const controls = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** `vmsyncctl claims add VM`: a claim of the operator, an orphan with a TTL from the start. */
export const claimsAddCommand: Command = {
  words: ["claims", "add"],
  describe: "Claim a VM for a while, so that it is not judged",
  positionals: { vm: { describe: "uuid of the VM" } },
  options: {
    reason: { describe: "Why, for whoever finds it", required: true },
    ttl: { describe: `Seconds until it ends by itself, 1 to ${ttlSecondsMax}` },
    operation: { describe: "Its operation id; by default a new one" },
  },
  async run({ client, terminal, args, json, address }) {
    const vmUuid = required(args.vmUuid("vm", "VM"), "VM");
    const reason = required(args.text("reason"), "--reason");
    if ([...reason].length > reasonLengthMax) {
      throw new UsageError(`cannot use --reason: it has more than ${reasonLengthMax} characters`);
    }
    if (controls.test(reason)) {
      throw new UsageError("cannot use --reason: it has control characters");
    }
    const orphanTtlSeconds = args.wholeNumber("ttl", 1, ttlSecondsMax);
    const operation = args.id("operation") ?? `operator-${randomBytes(4).toString("hex")}`;
    const body = { reason, ...(orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds }) };
    const answer = await client.claimAsOperator(vmUuid, operation, body);
    if (json) {
      terminal.out(jsonText(answer));
      return;
    }
    const { claim } = answer;
    const { orphan } = claim;
    const end =
      orphan === undefined
        ? "it is continued"
        : `${orphan.expiresAt}, for ${spanText(orphan.remainingSeconds * 1000)}`;
    say(terminal, `VM ${vmUuid} is not judged until ${end}.`);
    say(terminal, claim.operationId, "Operation  ");
    showCommand(terminal, continueCommand(claim, address), "To end it  ");
  },
};
