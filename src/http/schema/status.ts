import { type Static, Type } from "../../schema.ts";
import { observationProblemCodes } from "../../core/observation.ts";
import { Amnesia, InstantText, oneOf, run, SkipRevision, strict } from "./common.ts";
import { NodeStatus } from "./management-nodes.ts";

export const Status = strict(
  {
    host: strict({ id: Type.String(), bootId: Type.String() }, "The hypervisor"),
    agent: strict({ version: Type.String(), startedAt: InstantText, ...run }, "The agent"),
    amnesia: Type.Optional(Amnesia),
    libvirt: strict(
      {
        up: Type.Boolean(),
        since: InstantText,
        socket: Type.Optional(Type.String()),
        code: Type.Optional(Type.String({ description: "Why it is down; stable code" })),
        detail: Type.Optional(Type.String({ description: "Why it is down; a sentence" })),
        bulkCalls: Type.Integer({ description: "Bulk calls made since the agent started" }),
        domainEvents: Type.Integer({ description: "Domain events received since then" }),
        abandonedCalls: Type.Integer({
          description: "Calls that exceeded their limit and that libvirt still works on; at most 2",
        }),
        abandonedCallsTotal: Type.Integer({
          description: "Calls that exceeded their limit since the agent started",
        }),
      },
      "The connection to libvirt",
    ),
    observation: Type.Optional(
      strict(
        {
          startedAt: InstantText,
          durationMs: Type.Number(),
          complete: Type.Boolean(),
          domains: Type.Optional(Type.Integer({ description: "Absent: libvirt did not answer" })),
          qemuProcesses: Type.Integer(),
          problems: Type.Array(
            strict(
              { code: oneOf(observationProblemCodes, "Stable code"), detail: Type.String() },
              "What made it incomplete",
            ),
          ),
        },
        "The last observation; absent before the first",
      ),
    ),
    skipRevision: SkipRevision,
    claims: strict(
      {
        active: Type.Integer(),
        orphaned: Type.Integer(),
        stale: Type.Integer({ description: "Active for longer than claimAgeWarningSeconds" }),
      },
      "Live claims",
    ),
    instanceConflicts: Type.Integer({
      description: "Statements refused since the start: a second process spoke under an id",
    }),
    store: strict(
      {
        writable: Type.Boolean(),
        code: Type.Optional(Type.String({ description: "Why it is not; stable code" })),
        detail: Type.Optional(Type.String({ description: "Why it is not; a sentence" })),
        failingSinceAt: Type.Optional(InstantText),
      },
      "The disk that claims are kept on",
    ),
    managementNodes: Type.Array(NodeStatus),
  },
  "How the agent is",
);
export type Status = Static<typeof Status>;
