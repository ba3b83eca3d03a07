import { type Static, Type } from "../../schema.ts";
import { stopCauses } from "../../core/stop.ts";
import { withholdingReasons } from "../../core/vm-state.ts";
import { Claim } from "./claims.ts";
import { Amnesia, InstantText, oneOf, strict, VmUuid } from "./common.ts";
import { HistoryEntry } from "./history.ts";
import { ObservationPart } from "./report.ts";

export const ExplainParams = strict({ vmUuid: VmUuid }, "Which VM");

const LibvirtPart = strict(
  {
    listed: oneOf(["yes", "no", "unknown"], "unknown: libvirt gave no whole answer"),
    name: Type.Optional(Type.String()),
    state: Type.Optional(Type.Integer({ description: "virDomainState" })),
    reason: Type.Optional(Type.Integer({ description: "The reason that goes with it" })),
    words: Type.Optional(Type.String({ description: "state and reason in words" })),
  },
  "What libvirt says of the VM",
);

const StopPart = strict(
  {
    cause: Type.Optional(oneOf(stopCauses, "Absent: nothing told why")),
    at: InstantText,
    acknowledged: Type.Boolean({ description: "A management node took note of the cause" }),
  },
  "Its last stop on this host",
);

const SayingPart = strict(
  {
    reportId: Type.String(),
    to: Type.String({ description: "Who asked: a management node, or unnamed" }),
    sentAt: InstantText,
    said: Type.String(),
  },
  "What a report said of the VM",
);

export const Explanation = strict(
  {
    vmUuid: VmUuid,
    said: Type.String({
      description: "What a report says of it now: a state, skipped, withheld and why, or nothing",
    }),
    withheld: Type.Optional(Type.Array(oneOf(withholdingReasons, "Stable code"))),
    sentences: Type.Array(Type.String(), { description: "The explanation, for people" }),
    observation: ObservationPart,
    libvirt: LibvirtPart,
    process: oneOf(
      ["alive", "none", "unknown"],
      "Whether a QEMU with its uuid lives; unknown: not every process could be read",
    ),
    amnesia: Type.Optional(Amnesia),
    claims: Type.Array(Claim),
    stop: Type.Optional(StopPart),
    lastReports: Type.Array(SayingPart, { description: "Newest first; in the memory of this run" }),
    history: Type.Array(HistoryEntry, { description: "The last entries on it, newest first" }),
  },
  "Why a report says of a VM what it says",
);
export type Explanation = Static<typeof Explanation>;
