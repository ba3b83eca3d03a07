import { type Static, Type } from "../../schema.ts";
import { orphanCauses } from "../../core/claim.ts";
import {
  AgentRun,
  ClaimReason,
  Durable,
  Id,
  InstantText,
  ManagementNode,
  ManagementNodeId,
  OperationId,
  OrphanTtlSeconds,
  oneOf,
  SkipRevision,
  strict,
  VmUuid,
  WholeNumberText,
} from "./common.ts";

/** What every claim says beside which one it is. */
const saying = {
  reason: ClaimReason,
  orphanTtlSeconds: Type.Optional(
    OrphanTtlSeconds("How long the claim outlives its management node, in seconds"),
  ),
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

/** Exactly one of managementNode and operator; the route demands it, to name the one that lacks. */
export const ClaimBody = strict(
  {
    managementNode: Type.Optional(ManagementNode),
    operator: Type.Optional(
      Type.Literal(true, {
        description: "Instead of managementNode: an orphan with a TTL from the start",
      }),
    ),
    ...saying,
  },
  "One claim; the VM and the operation are in the path",
);
/** One claim of a management node. */
export type ClaimBody = Omit<Static<typeof ClaimBody>, "managementNode" | "operator"> & {
  readonly managementNode: ManagementNode;
};
/** What a claim of the operator says. */
export type OperatorClaimBody = Omit<ClaimBody, "managementNode">;

export const Claim = strict(
  {
    vmUuid: VmUuid,
    managementNode: ManagementNodeId,
    operationId: OperationId,
    ...saying,
    epoch: Type.Integer(),
    sequence: Type.Integer(),
    madeAt: InstantText,
    state: oneOf(["active", "orphaned"], "active: its management node is alive"),
    ageSeconds: Type.Integer(),
    stale: Type.Optional(
      Type.Literal(true, {
        description: "Active for longer than claimAgeWarningSeconds: it may have leaked",
      }),
    ),
    orphan: Type.Optional(
      strict(
        {
          cause: oneOf(orphanCauses, "How it lost its management node; stable code"),
          orphanedAt: InstantText,
          ttlSeconds: Type.Integer({ description: "Fixed when it was orphaned" }),
          remainingSeconds: Type.Integer({ description: "Until it ends by itself" }),
          expiresAt: InstantText,
        },
        "Its life without a management node; absent while it is active",
      ),
    ),
  },
  "A claim",
);
export type Claim = Static<typeof Claim>;

export const ClaimAnswer = strict(
  { claim: Claim, skipRevision: SkipRevision, agent: AgentRun },
  "The claim as it stands now",
);
export type ClaimAnswer = Static<typeof ClaimAnswer>;

export const ContinueAnswer = strict(
  {
    ended: Type.Array(Claim, {
      description: "The claims that this ended, as they were; empty if there were none",
    }),
    orphaned: Type.Array(Claim, {
      description: "The claims that outcome=unknown turned into orphans",
    }),
    durable: Durable,
    skipRevision: SkipRevision,
    agent: AgentRun,
  },
  "Outcome of a continue",
);
export type ContinueAnswer = Static<typeof ContinueAnswer>;

export const ClaimsQuery = strict(
  { vmUuid: Type.Optional(VmUuid), managementNode: Type.Optional(ManagementNodeId) },
  "Which claims; absent: all",
);
export type ClaimsQuery = Static<typeof ClaimsQuery>;

export const ClaimList = strict(
  { claims: Type.Array(Claim), skipRevision: SkipRevision, agent: AgentRun },
  "The live claims",
);
export type ClaimList = Static<typeof ClaimList>;

export const ClaimParams = strict({ vmUuid: VmUuid, operationId: OperationId }, "Which claim");
export type ClaimParams = Static<typeof ClaimParams>;

export const VmParams = strict({ vmUuid: VmUuid }, "Which VM");
export type VmParams = Static<typeof VmParams>;

/** Who asks for a continue; recorded, and never a reason to refuse it. */
const callerFields = {
  caller: Type.Optional(Id("Id of the management node that asks, or operator")),
  callerEpoch: Type.Optional(WholeNumberText("Its epoch")),
  callerSequence: Type.Optional(WholeNumberText("Its sequence")),
};

export const ContinueQuery = strict(
  {
    managementNode: Type.Optional(ManagementNodeId),
    ...callerFields,
    outcome: Type.Optional(
      oneOf(["unknown"], "The operation may still run: the claim becomes an orphan instead"),
    ),
  },
  "Whose claim, where it is not the caller's; and who asks",
);
export type ContinueQuery = Static<typeof ContinueQuery>;

export const ContinueVmQuery = strict(
  {
    ...callerFields,
    orphans: Type.Optional(oneOf(["true", "false"], "Ends the orphans of others too")),
  },
  "Who asks, and what ends beside its own claims",
);
export type ContinueVmQuery = Static<typeof ContinueVmQuery>;
