import { type Static, Type } from "../../schema.ts";
import { departureCauses } from "../../core/management-node.ts";
import {
  AgentRun,
  Durable,
  Id,
  InstantText,
  ManagementNode,
  ManagementNodeId,
  oneOf,
  SkipRevision,
  strict,
  WholeNumberText,
} from "./common.ts";

export const NodeParams = strict({ id: ManagementNodeId }, "Which management node");
export type NodeParams = Static<typeof NodeParams>;

export const nodeStates = ["alive", "departed", "never-heard"] as const;

export const NodeStatus = strict(
  {
    id: ManagementNodeId,
    configured: Type.Boolean({ description: "The configuration expects it" }),
    state: oneOf(nodeStates, "never-heard: expected, and it never spoke"),
    epoch: Type.Optional(Type.Integer()),
    instance: Type.Optional(Type.String()),
    sequence: Type.Optional(Type.Integer({ description: "Highest seen in this epoch" })),
    lastSeenAt: Type.Optional(InstantText),
    leaseSeconds: Type.Optional(Type.Integer({ description: "How long it counts as alive" })),
    leaseRemainingSeconds: Type.Optional(
      Type.Integer({ description: "Until it counts as departed unless it speaks" }),
    ),
    departedAt: Type.Optional(InstantText),
    departureCause: Type.Optional(oneOf(departureCauses, "Stable code")),
    claims: strict({ active: Type.Integer(), orphaned: Type.Integer() }, "Its live claims"),
  },
  "A management node",
);
export type NodeStatus = Static<typeof NodeStatus>;

export const HeartbeatBody = strict(
  { managementNode: ManagementNode },
  "Who speaks; its id is that of the path",
);
export type HeartbeatBody = Static<typeof HeartbeatBody>;

export const HeartbeatAnswer = strict(
  { managementNode: NodeStatus, durable: Durable, agent: AgentRun },
  "The management node as the agent knows it now",
);
export type HeartbeatAnswer = Static<typeof HeartbeatAnswer>;

export const NodeList = strict(
  { managementNodes: Type.Array(NodeStatus), agent: AgentRun },
  "All management nodes, those expected and those heard",
);
export type NodeList = Static<typeof NodeList>;

export const DepartQuery = strict(
  {
    epoch: WholeNumberText("Epoch that is gone; one that is not in force changes nothing"),
    caller: Type.Optional(Id("Id of the management node that asks, or operator")),
  },
  "Which process is gone, and who says so",
);
export type DepartQuery = Static<typeof DepartQuery>;

export const DepartAnswer = strict(
  {
    departed: Type.Boolean({ description: "false: it was departed already, or of another epoch" }),
    orphaned: Type.Integer({ description: "Claims that became orphans" }),
    durable: Durable,
    skipRevision: SkipRevision,
    agent: AgentRun,
  },
  "Outcome of a departure; no claim ends by it",
);
export type DepartAnswer = Static<typeof DepartAnswer>;
