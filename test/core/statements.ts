// Statements of management nodes, and what became of them in words.

import type { Change } from "../../src/core/change.ts";
import type { ClaimKey, ClaimStatement } from "../../src/core/claim.ts";
import type { Decision } from "../../src/core/decide.ts";
import type { WholeList } from "../../src/core/decide-list.ts";
import type { ManagementNode } from "../../src/core/management-node.ts";
import type { Refusal, RefusalCode } from "../../src/core/refusal.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";

export function node(id: string, sequence: number, epoch = 1): ManagementNode {
  return { id, epoch, instance: `${id} of epoch ${epoch}`, sequence };
}

export function statement(vmUuid: VmUuid, operationId = "start", reason = "why"): ClaimStatement {
  return { vmUuid, operationId, reason };
}

/** A list with a digest that tells any two lists apart. */
export function wholeList(entries: readonly ClaimStatement[]): WholeList {
  const rows = entries.map(({ vmUuid, operationId, reason, orphanTtlSeconds }) => {
    return [vmUuid, operationId, reason, orphanTtlSeconds];
  });
  return { entries, digest: JSON.stringify(rows) };
}

/** A claim as "NODE OPERATION VM-NUMBER". */
export function claimName({ managementNodeId, operationId, vmUuid }: ClaimKey): string {
  return `${managementNodeId} ${operationId} ${Number.parseInt(vmUuid.slice(-12), 16)}`;
}

/** Code of a refusal; "accepted" if it is none. */
export function outcome(decision: Decision | Refusal): RefusalCode | "accepted" {
  return "code" in decision ? decision.code : "accepted";
}

/** Kinds of changes to claims; what is noted of nodes and time left out. */
export function claimChanges(changes: readonly Change[]): string[] {
  const kinds = new Set(["claimed", "orphaned", "ended"]);
  return changes.map(({ kind }) => kind).filter((kind) => kinds.has(kind));
}
