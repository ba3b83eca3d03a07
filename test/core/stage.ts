// A skip list on a stage: statements are decided and applied as the agent does it, and time passes
// only when the test says so.

import type { Change } from "../../src/core/change.ts";
import type { AmnesiaReason } from "../../src/core/amnesia.ts";
import {
  type Claim,
  type ClaimStatement,
  type EndedClaim,
  operatorId,
} from "../../src/core/claim.ts";
import {
  type Decision,
  decideClaim,
  decideContact,
  decideOperatorClaim,
} from "../../src/core/decide.ts";
import { beginAmnesia, endAmnesia, noteListHeard } from "../../src/core/decide-amnesia.ts";
import {
  type Caller,
  decideContinue,
  decideContinueVm,
  type OperationContinue,
} from "../../src/core/decide-continue.ts";
import { decideDeparture } from "../../src/core/decide-departure.ts";
import { decideList } from "../../src/core/decide-list.ts";
import type { Instant } from "../../src/core/instant.ts";
import { judge } from "../../src/core/judgement.ts";
import type { KnownManagementNode, ManagementNode } from "../../src/core/management-node.ts";
import { decidePassing } from "../../src/core/passing-time.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { RunIdentity } from "../../src/core/records.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import { type FilteredReport, filterReport } from "../../src/core/report.ts";
import { SkipList } from "../../src/core/skip-list.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { at, domain, sighting } from "./sightings.ts";
import { claimName, outcome, statement, wholeList } from "./statements.ts";

/** The defaults of the product. */
export const policy: Policy = {
  leaseSeconds: 180,
  leaseSecondsMax: 600,
  orphanTtlSeconds: 600,
  claimAgeWarningSeconds: 3600,
  managementNodes: [],
};

export interface Staging {
  readonly policy?: Partial<Policy>;
  readonly endedMax?: number;
  readonly nowMs?: number;
}

/** Between two looks of the agent at its clock, at most. */
const stepMs = 1000;

export class Stage {
  skipList: SkipList;
  /** Changes of everything that was applied, oldest first. */
  readonly changes: Change[] = [];
  nowMs: number;

  constructor({ policy: of, endedMax, nowMs = 0 }: Staging = {}) {
    this.nowMs = nowMs;
    this.skipList = new SkipList({ ...policy, ...of }, this.now(), endedMax);
  }

  now(): Instant {
    return at(this.nowMs);
  }

  /** Time passes while the agent listens. */
  listen(seconds: number): this {
    const endMs = this.nowMs + seconds * 1000;
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + stepMs);
      this.pass();
    }
    return this;
  }

  /** Time passes and the agent does not see it, until now. */
  sleep(seconds: number): this {
    this.nowMs += seconds * 1000;
    this.pass();
    return this;
  }

  /** What is due by now. */
  pass(): Change[] {
    const now = this.now();
    const isDue = now.ms >= this.skipList.nextDeadlineMs;
    const changes = decidePassing(this.skipList, now);
    this.#make(changes);
    if (isDue) this.skipList.findNextDeadline();
    return changes;
  }

  claim(from: ManagementNode, said: ClaimStatement): Decision {
    return this.apply(this.tryClaim(from, said));
  }

  /** A claim that is decided, not applied. */
  tryClaim(from: ManagementNode, said: ClaimStatement): Decision | Refusal {
    this.pass();
    return decideClaim(this.skipList, from, said, this.now());
  }

  list(from: ManagementNode, ...entries: readonly ClaimStatement[]): Decision {
    return this.apply(this.tryList(from, ...entries));
  }

  /** A list that is decided, not applied. */
  tryList(from: ManagementNode, ...entries: readonly ClaimStatement[]): Decision | Refusal {
    this.pass();
    return decideList(this.skipList, from, wholeList(entries), this.now());
  }

  contact(from: ManagementNode): Decision {
    return this.apply(this.tryContact(from));
  }

  tryContact(from: ManagementNode): Decision | Refusal {
    this.pass();
    return decideContact(this.skipList, from, this.now());
  }

  operator(said: ClaimStatement): Decision {
    return this.apply(this.tryOperator(said));
  }

  tryOperator(said: ClaimStatement): Decision | Refusal {
    this.pass();
    return decideOperatorClaim(this.skipList, said, this.now());
  }

  continue(vmUuid: VmUuid, operationId = "start", how: OperationContinue = {}): Decision {
    return this.apply(this.tryContinue(vmUuid, operationId, how));
  }

  tryContinue(vmUuid: VmUuid, operationId: string, how: OperationContinue): Decision | Refusal {
    this.pass();
    return decideContinue(this.skipList, { vmUuid, operationId }, how, this.now());
  }

  /** The owner gives an operation up without knowing how it ended. */
  giveUp(owner: string, vmUuid: VmUuid, operationId = "start"): Decision {
    return this.continue(vmUuid, operationId, { owner, outcome: "unknown" });
  }

  continueVm(vmUuid: VmUuid, caller?: Caller, orphans = false): Decision {
    this.pass();
    return this.apply(decideContinueVm(this.skipList, vmUuid, { caller, orphans }, this.now()));
  }

  depart(id: string, epoch = 1): Decision {
    this.pass();
    return this.apply(decideDeparture(this.skipList, id, epoch, this.now()));
  }

  beginAmnesia(reason: AmnesiaReason = "new-store"): void {
    this.#make([beginAmnesia(this.skipList, reason, this.now())]);
  }

  endAmnesia(): void {
    this.#make(endAmnesia(this.skipList, "operator", this.now()));
  }

  /** A list that was applied, as the amnesia sees it. */
  hear(from: ManagementNode, run: RunIdentity): Change[] {
    this.pass();
    const changes = noteListHeard(this.skipList, from, run, this.now());
    this.#make(changes);
    return changes;
  }

  /** @throws Error if it is a refusal */
  apply(decision: Decision | Refusal): Decision {
    if ("code" in decision) throw new Error(`refused: ${decision.code}: ${decision.detail}`);
    this.#make(decision.changes);
    return decision;
  }

  /** Claims that live. */
  get live(): string[] {
    return [...this.skipList.all()].map(claimName).toSorted();
  }

  /** Those of them that are orphans. */
  get orphans(): string[] {
    return [...this.skipList.orphans()].map(claimName).toSorted();
  }

  /** Claims that have ended and are remembered. */
  get ended(): EndedClaim[] {
    return [...this.skipList.livingSince(Number.NEGATIVE_INFINITY).ended.values()].flat();
  }

  /** The one claim on a VM. */
  only(vmUuid: VmUuid): Claim {
    const [claim, ...others] = this.skipList.claimsOn(vmUuid);
    if (claim === undefined || others.length > 0) throw new Error(`${vmUuid}: not one claim`);
    return claim;
  }

  known(id: string): KnownManagementNode {
    const known = this.skipList.managementNode(id);
    if (known === undefined) throw new Error(`${id} is not known`);
    return known;
  }

  /** How long the one claim on a VM has left. */
  leftSeconds(vmUuid: VmUuid): number | undefined {
    const { orphan } = this.only(vmUuid);
    return orphan && (orphan.expiresAtMs - this.nowMs) / 1000;
  }

  /** What a look that begins now and finds a VM shut off makes of it, and when a report is sent now. */
  report(vmUuid: VmUuid, startedAtMs = this.nowMs): FilteredReport {
    const look = sighting({ domains: [domain(vmUuid, 5)], startedAt: at(startedAtMs) });
    return filterReport(judge(look), this.skipList, [], new Map());
  }

  #make(changes: readonly Change[]): void {
    this.changes.push(...changes);
    this.skipList.settle(this.skipList.apply(changes), this.now());
  }
}

/** What a late claim of an operation would meet now: "accepted" or the code of its refusal. */
export function fateOf(
  stage: Stage,
  from: ManagementNode,
  vmUuid: VmUuid,
  operationId = "start",
): string {
  return outcome(stage.tryClaim(from, statement(vmUuid, operationId)));
}

export { operatorId };
