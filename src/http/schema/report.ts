import { type Static, type TSchema, Type } from "../../schema.ts";
import { observationProblemCodes } from "../../core/observation.ts";
import { refusalCodes } from "../../core/refusal.ts";
import { stopCauses } from "../../core/stop.ts";
import { vmStates, withholdingReasons } from "../../core/vm-state.ts";
import { ClaimStatement } from "./claims.ts";
import {
  Amnesia,
  ClaimReason,
  InstantText,
  ManagementNode,
  ManagementNodeId,
  OperationId,
  oneOf,
  run,
  SkipRevision,
  strict,
  VmUuid,
} from "./common.ts";

/** Claims in one list, and VMs that may be asked for by name. */
export const listEntriesMax = 20_000;

export const includables = ["libvirt"] as const;

export const SyncBody = strict(
  {
    managementNode: ManagementNode,
    skipList: Type.Optional(
      Type.Array(ClaimStatement, {
        maxItems: listEntriesMax,
        description: "All claims of this management node; absent: unchanged",
      }),
    ),
    expect: Type.Optional(
      Type.Array(VmUuid, {
        maxItems: listEntriesMax,
        description: "VMs that are believed to be here; each is answered by name",
      }),
    ),
    acknowledges: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: "reportId of a report whose stops need not be told again",
      }),
    ),
    include: Type.Optional(
      Type.Array(oneOf(includables, "libvirt: name, state and reason per VM, in libvirt's words"), {
        maxItems: includables.length,
        uniqueItems: true,
      }),
    ),
  },
  "A management node's skip list, and its question",
);
export type SyncBody = Static<typeof SyncBody>;

export const waitSecondsMax = 30;

export const ReportQuery = strict(
  {
    include: Type.Optional(oneOf(includables, "libvirt: libvirt's own words per VM")),
    wait: Type.Optional(
      Type.String({
        pattern: "^([1-9]|[12][0-9]|30)$",
        description: `Seconds, 1 to ${waitSecondsMax}: with If-None-Match, how long to wait for a change`,
      }),
    ),
  },
  "What to add to the report, and how long to wait for one that says something else",
);
export type ReportQuery = Static<typeof ReportQuery>;

export const ObservationPart = strict(
  {
    startedAt: InstantText,
    finishedAt: InstantText,
    complete: Type.Boolean({ description: "Absence from this observation is evidence" }),
    problems: Type.Array(
      strict(
        {
          code: oneOf(observationProblemCodes, "Stable code"),
          detail: Type.String({ description: "A sentence for the operator" }),
        },
        "What made the observation incomplete",
      ),
    ),
  },
  "The look at the host that the report is made of",
);

const SkippedVm = strict(
  {
    vmUuid: VmUuid,
    alive: Type.Optional(
      Type.Literal(true, {
        description: "libvirt or the process table shows it running or paused; absent: not a stop",
      }),
    ),
    claims: Type.Array(
      strict(
        {
          managementNode: ManagementNodeId,
          operationId: OperationId,
          reason: ClaimReason,
          state: oneOf(["active", "orphaned", "ended"], "ended: since the observation began"),
          madeAt: InstantText,
          remainingSeconds: Type.Optional(
            Type.Integer({ description: "Of an orphan: until it ends by itself" }),
          ),
          endedAt: Type.Optional(InstantText),
        },
        "A claim that lived between the start of the observation and this answer",
      ),
    ),
  },
  "A VM that is not judged, because an operation on it is or was in flight",
);

const WithheldVm = strict(
  {
    vmUuid: VmUuid,
    reasons: Type.Array(oneOf(withholdingReasons, "Stable code")),
    since: InstantText,
  },
  "A VM whose stop the evidence suggested and the agent refused to say; its state is Unknown",
);

const StopPart = strict(
  {
    cause: oneOf(stopCauses, "What ended the VM's QEMU on this host; stable code"),
    at: InstantText,
  },
  "Why a VM stopped, and when that was told or first seen",
);

const LibvirtWords = strict(
  {
    name: Type.String(),
    state: Type.Optional(Type.Integer({ description: "virDomainState" })),
    reason: Type.Optional(Type.Integer({ description: "The reason that goes with it" })),
  },
  "What libvirt says of a domain; state and reason only where they cannot be read as a stop that the report does not say",
);

export const RefusedEntry = strict(
  {
    vmUuid: VmUuid,
    operationId: OperationId,
    code: oneOf(refusalCodes, "Stable code"),
    detail: Type.String(),
  },
  "An entry of the list that was not applied",
);

function mapOf<T extends TSchema>(value: T, description: string) {
  return Type.Unsafe<Record<string, Static<T>>>({
    type: "object",
    additionalProperties: value,
    description,
  });
}

export const Report = strict(
  {
    reportId: Type.String(),
    host: strict({ id: Type.String(), bootId: Type.String() }, "The hypervisor"),
    agent: strict({ ...run, version: Type.String() }, "The agent"),
    observation: ObservationPart,
    skipRevision: SkipRevision,
    contentRevision: Type.Integer({
      description:
        "Rises when what reports say changes; compares as (agent epoch, revision) within one store",
    }),
    amnesia: Type.Optional(Amnesia),
    absentMeans: oneOf(
      ["stopped", "unknown"],
      "What it means that a VM is in none of states, skipped and withheld",
    ),
    states: mapOf(oneOf(vmStates, "State of the VM"), "State per VM uuid"),
    skipped: Type.Array(SkippedVm),
    withheld: Type.Array(WithheldVm),
    stops: mapOf(
      StopPart,
      "Stops that the report says, per VM uuid, by name or by absence, until they are acknowledged or the VM runs again; and VMs that migrated away",
    ),
    refused: Type.Optional(Type.Array(RefusedEntry)),
    claimsStored: Type.Optional(
      Type.Boolean({
        description:
          "Where a list was sent: it is durable. False, with or without a list: the disk refused what was said, and it is applied in memory",
      }),
    ),
    libvirt: Type.Optional(mapOf(LibvirtWords, "libvirt's words per VM uuid, where included")),
  },
  "An observation, filtered by the skip list; each VM is in one of states, skipped, withheld",
);
export type Report = Static<typeof Report>;
