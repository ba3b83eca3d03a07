// History: what happened, in rows that can be read back years of versions later (G11).

import type { VmUuid } from "./vm-uuid.ts";

/** What happened; a closed set that only grows. */
export const historyKinds = [
  "agent-started",
  "store-set-aside",
  "amnesia-began",
  "amnesia-ended",
  "claim-made",
  "claim-renewed",
  "claim-orphaned",
  "claim-readopted",
  "claim-ended",
  "claim-refused",
  "continued-nothing",
  "node-heard",
  "node-returned",
  "node-departed",
  "node-refused",
  "node-forgotten",
  "vm-started",
  "vm-stopped",
  "stop-said",
  "stop-withheld",
  "stop-acknowledged",
  "libvirt-up",
  "libvirt-down",
  "history-lost",
] as const;
export type HistoryKind = (typeof historyKinds)[number];

/** One transition. Fields that do not apply are absent. */
export interface HistoryEntry {
  /** Milliseconds since 1970 on the wall clock. */
  readonly atWallMs: number;
  readonly kind: HistoryKind;
  readonly vmUuid?: VmUuid | undefined;
  readonly managementNodeId?: string | undefined;
  readonly operationId?: string | undefined;
  /** Stable code: an end cause, orphan cause, refusal code, amnesia reason. */
  readonly cause?: string | undefined;
  /** Who asked for it: the id of a management node, "operator", or "agent". */
  readonly by: string;
  /** Further facts for people, such as the claim's reason. */
  readonly detail?: string | undefined;
}

/** An entry as the store gives it back. */
export interface StoredHistoryEntry extends HistoryEntry {
  /** Rises with each entry within one store; never reused. */
  readonly id: number;
}

export interface HistoryQuery {
  readonly vmUuid?: VmUuid | undefined;
  readonly managementNodeId?: string | undefined;
  /** Only entries with a lower id: the next page. */
  readonly before?: number | undefined;
  /** Only entries with a higher id, and then oldest first: what came since. */
  readonly after?: number | undefined;
  /** At most so many, newest first unless `after` is there. */
  readonly limit: number;
}
