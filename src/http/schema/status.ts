import { type Static, Type } from "typebox";
import { observationProblemCodes } from "../../core/observation.ts";
import { InstantText, ManagementNodeId, oneOf, SkipRevision, strict } from "./common.ts";

export const Status = strict(
  {
    host: strict({ id: Type.String(), bootId: Type.String() }, "The hypervisor"),
    agent: strict({ version: Type.String(), startedAt: InstantText }, "The agent"),
    libvirt: strict(
      {
        up: Type.Boolean(),
        since: InstantText,
        socket: Type.Optional(Type.String()),
        code: Type.Optional(Type.String({ description: "Why it is down; stable code" })),
        detail: Type.Optional(Type.String({ description: "Why it is down; a sentence" })),
        bulkCalls: Type.Integer({ description: "Bulk calls made since the agent started" }),
        domainEvents: Type.Integer({ description: "Domain events received since then" }),
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
    claims: strict({ active: Type.Integer() }, "Live claims"),
    managementNodes: Type.Array(
      strict(
        {
          id: ManagementNodeId,
          configured: Type.Boolean({ description: "The configuration expects it" }),
          claims: Type.Integer(),
          epoch: Type.Optional(Type.Integer()),
          lastSeenAt: Type.Optional(InstantText),
        },
        "A management node; without epoch and lastSeenAt it was never heard",
      ),
    ),
  },
  "How the agent is",
);
export type Status = Static<typeof Status>;
