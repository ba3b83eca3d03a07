import type { StoredHistoryEntry } from "../core/history.ts";
import { instantText } from "./instants.ts";
import type { History } from "./schema/history.ts";

export function historyEntryView(entry: StoredHistoryEntry): History["entries"][number] {
  const { id, kind, vmUuid, managementNodeId, operationId, cause, by, detail } = entry;
  return {
    id,
    at: instantText({ wallMs: entry.atWallMs }),
    kind,
    ...(vmUuid === undefined ? {} : { vmUuid }),
    ...(managementNodeId === undefined ? {} : { managementNode: managementNodeId }),
    ...(operationId === undefined ? {} : { operationId }),
    ...(cause === undefined ? {} : { cause }),
    by,
    ...(detail === undefined ? {} : { detail }),
  };
}
