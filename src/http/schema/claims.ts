import { type Static, Type } from "typebox";
import {
  ClaimReason,
  InstantText,
  ManagementNode,
  ManagementNodeId,
  OperationId,
  OrphanTtlSeconds,
  SkipRevision,
  strict,
  VmUuid,
} from "./common.ts";

/** What every claim says beside which one it is. */
const saying = {
  reason: ClaimReason,
  orphanTtlSeconds: Type.Optional(OrphanTtlSeconds),
};

/** What a claim says in a list. */
export const ClaimStatement = strict(
  {
    vmUuid: VmUuid,
    operationId: OperationId,
    ...saying,
  },
  "One claim of a management node's list",
);
export type ClaimStatement = Static<typeof ClaimStatement>;

export const ClaimBody = strict(
  {
    managementNode: ManagementNode,
    ...saying,
  },
  "One claim; the VM and the operation are in the path",
);
export type ClaimBody = Static<typeof ClaimBody>;

export const Claim = strict(
  {
    vmUuid: VmUuid,
    managementNode: ManagementNodeId,
    operationId: OperationId,
    ...saying,
    epoch: Type.Integer(),
    sequence: Type.Integer(),
    madeAt: InstantText,
  },
  "A live claim",
);
export type Claim = Static<typeof Claim>;

export const ClaimAnswer = strict(
  { claim: Claim, skipRevision: SkipRevision },
  "The claim as it stands now",
);
export type ClaimAnswer = Static<typeof ClaimAnswer>;

export const ContinueAnswer = strict(
  {
    ended: Type.Array(Claim, { description: "The claim that this ended; empty if there was none" }),
    skipRevision: SkipRevision,
  },
  "Outcome of a continue",
);
export type ContinueAnswer = Static<typeof ContinueAnswer>;

export const ClaimList = strict(
  { claims: Type.Array(Claim), skipRevision: SkipRevision },
  "All live claims",
);
export type ClaimList = Static<typeof ClaimList>;

export const ClaimParams = strict({ vmUuid: VmUuid, operationId: OperationId }, "Which claim");
export type ClaimParams = Static<typeof ClaimParams>;

export const ContinueQuery = strict(
  { managementNode: Type.Optional(ManagementNodeId) },
  "Whose claim; may be left out where only one management node has it",
);
export type ContinueQuery = Static<typeof ContinueQuery>;
