// Statements of management nodes, and a skip list that they are applied to.

import { type Decision, decideClaim, decideContinue, decideList } from "../../src/core/decide.ts";
import type { Instant } from "../../src/core/instant.ts";
import type { RefusalCode } from "../../src/core/refusal.ts";
import {
  type Claim,
  type ClaimStatement,
  type ManagementNode,
  SkipList,
} from "../../src/core/skip-list.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { at } from "./sightings.ts";

export function node(id: string, sequence: number, epoch = 1): ManagementNode {
  return { id, epoch, instance: `${id} of epoch ${epoch}`, sequence };
}

export function statement(vmUuid: VmUuid, operationId = "start", reason = "why"): ClaimStatement {
  return { vmUuid, operationId, reason };
}

/** A skip list, and the shortest way to say something to it; time passes by itself. */
export class Talk {
  readonly skipList: SkipList;
  nowMs = 0;

  constructor(skipList: SkipList = new SkipList()) {
    this.skipList = skipList;
  }

  now(): Instant {
    this.nowMs += 1;
    return at(this.nowMs);
  }

  claim(from: ManagementNode, said: ClaimStatement): Decision {
    return this.apply(decideClaim(this.skipList, from, said, this.now()));
  }

  list(from: ManagementNode, ...list: readonly ClaimStatement[]): Decision {
    return this.apply(decideList(this.skipList, from, list, this.now()));
  }

  continue(vmUuid: VmUuid, operationId = "start", owner?: string): Decision {
    const key = { vmUuid, operationId };
    return this.apply(decideContinue(this.skipList, key, owner, this.now()));
  }

  apply(decision: ReturnType<typeof decideList>): Decision {
    if ("code" in decision) throw new Error(`refused: ${decision.code}: ${decision.detail}`);
    this.skipList.apply(decision.changes);
    return decision;
  }

  /** Claims that live, as "NODE OPERATION VM-NUMBER". */
  get live(): string[] {
    return this.skipList.all().map(claimName).toSorted();
  }
}

export function claimName({ managementNodeId, operationId, vmUuid }: Claim): string {
  return `${managementNodeId} ${operationId} ${Number.parseInt(vmUuid.slice(-12), 16)}`;
}

/** Code of a refusal; "accepted" if it is none. */
export function outcome(decision: ReturnType<typeof decideList>): RefusalCode | "accepted" {
  return "code" in decision ? decision.code : "accepted";
}
