import { type Static, Type } from "../../schema.ts";
import { historyKinds } from "../../core/history.ts";
import { InstantText, ManagementNodeId, oneOf, strict, VmUuid, WholeNumberText } from "./common.ts";

export const historyLimitMax = 1000;
export const historyLimitDefault = 100;

export const HistoryQuery = strict(
  {
    vmUuid: Type.Optional(VmUuid),
    managementNode: Type.Optional(ManagementNodeId),
    before: Type.Optional(WholeNumberText("Only entries with a lower id: the next page")),
    limit: Type.Optional(
      Type.String({
        pattern: "^([1-9][0-9]{0,2}|1000)$",
        description: `Entries at most, 1 to ${historyLimitMax}; ${historyLimitDefault} by default`,
      }),
    ),
  },
  "Which entries; absent: the newest of all",
);
export type HistoryQuery = Static<typeof HistoryQuery>;

export const HistoryEntry = strict(
  {
    id: Type.Integer({ description: "Rises with each entry within one store" }),
    at: InstantText,
    kind: oneOf(historyKinds, "What happened; stable code"),
    vmUuid: Type.Optional(Type.String()),
    managementNode: Type.Optional(Type.String()),
    operationId: Type.Optional(Type.String()),
    cause: Type.Optional(Type.String({ description: "Stable code" })),
    by: Type.String({ description: "Who asked: a management node, operator, or agent" }),
    detail: Type.Optional(Type.String()),
  },
  "One transition",
);

export const History = strict(
  {
    entries: Type.Array(HistoryEntry, { description: "Newest first" }),
    next: Type.Optional(
      Type.Integer({ description: "There are older ones: pass it as `before` to get them" }),
    ),
  },
  "What happened to claims and management nodes",
);
export type History = Static<typeof History>;
