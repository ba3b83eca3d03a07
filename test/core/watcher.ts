// Watches what random statements do to a skip list, and says what should never have been. What must
// hold is written down here apart from the code that decides.

import { type Claim, claimKey, type ClaimStatement } from "../../src/core/claim.ts";
import type { Decision } from "../../src/core/decide.ts";
import { Run, type Step, vms } from "./any-step.ts";

/** Watches a run and says what should never have been. */
export class Watcher {
  readonly #run = new Run();
  /** Operations that were continued: they never live again. */
  readonly #over = new Set<string>();
  readonly faults: string[] = [];

  take(step: Step): void {
    const run = this.#run;
    // What is due by now is done first, and is checked as the passing of time.
    const passed = run.snapshot();
    run.pass();
    this.#checkPassing(passed, run.snapshot());
    const before = run.snapshot();
    const { revision } = run.skipList;
    const outcome = run.take(step);
    const after = run.snapshot();
    this.#checkAll(after);
    if (step.kind === "listen" || step.kind === "sleep" || step.kind === "restart") {
      this.#checkPassing(before, after);
      return;
    }
    const isRefused = outcome === undefined || "code" in outcome;
    this.#checkRevision(step, before, after, run.skipList.revision - revision);
    if (isRefused) {
      if (!isSame(before, after)) this.#fault(step, "was refused and changed claims");
      return;
    }
    this.#checkEnds(step, before, after);
    this.#checkOrphans(step, before, after);
    this.#checkAnswer(step, outcome, before, after);
  }

  #checkPassing(before: Map<string, Claim>, after: Map<string, Claim>): void {
    const { nowMs } = this.#run;
    for (const [key, was] of before) {
      if (after.has(key)) continue;
      const isDue = was.orphan !== undefined && was.orphan.expiresAtMs <= nowMs;
      // A lease may have lapsed and its orphan ended within one stretch of time.
      const couldBe = was.orphan === undefined && (was.orphanTtlSeconds ?? 0) <= 500;
      if (!isDue && !couldBe) this.faults.push(`${key} ended before its TTL`);
    }
    for (const key of after.keys()) if (!before.has(key)) this.faults.push(`${key} came by itself`);
  }

  /** What holds at every moment. */
  #checkAll(after: Map<string, Claim>): void {
    const { nowMs, skipList } = this.#run;
    for (const [key, { orphan, epoch, managementNodeId, sequence }] of after) {
      if (this.#over.has(key)) this.faults.push(`${key} was continued and lives`);
      const known = skipList.managementNode(managementNodeId);
      if (orphan === undefined) {
        const isAlive = known?.departed === undefined && known?.epoch === epoch;
        if (!isAlive) this.faults.push(`${key} is active without its node`);
        if (known !== undefined && sequence > known.sequence)
          this.faults.push(`${key}: unheard of`);
        continue;
      }
      if (orphan.expiresAtMs <= nowMs) this.faults.push(`${key} lives beyond its TTL`);
      if (orphan.expiresAtMs !== orphan.since.ms + orphan.ttlSeconds * 1000) {
        this.faults.push(`${key}: its TTL is not counted from when it became an orphan`);
      }
      const isLost = orphan.cause === "departed" || orphan.cause === "lease-lapsed";
      if (isLost && known?.epoch === epoch && known.departed === undefined) {
        this.faults.push(`${key} was not taken back`);
      }
    }
    for (const uuid of vms) {
      const { states, skipped, withheld } = this.#run.report(uuid);
      const places = [
        ...Object.keys(states),
        ...skipped.map(({ vmUuid }) => vmUuid),
        ...withheld.map(({ vmUuid }) => vmUuid),
      ].filter((named) => named === uuid);
      if (places.length !== 1) this.faults.push(`${uuid} is in ${places.length} places`);
      const isSkipped = skipped.some(({ vmUuid }) => vmUuid === uuid);
      const isClaimed = [...after.values()].some(({ vmUuid }) => vmUuid === uuid);
      if (isClaimed && !isSkipped) this.faults.push(`${uuid} is claimed and not skipped`);
    }
  }

  #checkRevision(
    step: Step,
    before: Map<string, Claim>,
    after: Map<string, Claim>,
    rise: number,
  ): void {
    const hasChanged = !isSame(before, after);
    if (hasChanged && rise !== 1) this.#fault(step, `changed claims, revision rose by ${rise}`);
    // A claim that is said again is renewed, though nothing of it may be new.
    const mayRenew = step.kind === "claim" || step.kind === "list" || step.kind === "operator";
    if (!hasChanged && rise !== 0 && !mayRenew)
      this.#fault(step, "changed nothing but the revision");
  }

  /** Only a continue, and a list of the claim's own epoch and a higher sequence, end a claim. */
  #checkEnds(step: Step, before: Map<string, Claim>, after: Map<string, Claim>): void {
    for (const [key, was] of before) {
      if (after.has(key)) continue;
      if (step.kind === "continue") {
        const isMeant = was.vmUuid === step.vmUuid && was.operationId === step.operationId;
        const isOwner = step.owner === undefined || step.owner === was.managementNodeId;
        if (!isMeant || !isOwner) this.#fault(step, `ended ${key}`);
        if (step.outcome === "unknown") this.#fault(step, `ended ${key}, which it gave up`);
        this.#over.add(key);
      } else if (step.kind === "continue-vm") {
        const isOwn = was.managementNodeId === step.caller?.id;
        const isFree = was.orphan !== undefined && step.orphans;
        if (was.vmUuid !== step.vmUuid || !(isOwn || isFree)) this.#fault(step, `ended ${key}`);
        this.#over.add(key);
      } else if (step.kind === "list") {
        const isOwn = was.managementNodeId === step.id && was.epoch === step.epoch;
        if (!isOwn || was.sequence >= step.sequence) this.#fault(step, `ended ${key}`);
        const isNamed = step.list.some(
          (said) => claimKey({ ...said, managementNodeId: step.id }) === key,
        );
        if (isNamed) this.#fault(step, `ended ${key}, which it names`);
        if (was.orphan?.cause === "outcome-unknown") this.#fault(step, `ended ${key}, given up`);
      } else {
        this.#fault(step, `ended ${key}`);
      }
    }
  }

  /** Orphans are made by departures, newer epochs and giving up; their TTL is fixed then. */
  #checkOrphans(step: Step, before: Map<string, Claim>, after: Map<string, Claim>): void {
    for (const [key, is] of after) {
      const was = before.get(key);
      if (is.managementNodeId === "operator") continue;
      if (was?.orphan !== undefined && is.orphan !== undefined) {
        if (was.orphan.expiresAtMs !== is.orphan.expiresAtMs)
          this.#fault(step, `moved the TTL of ${key}`);
      } else if (was !== undefined && is.orphan !== undefined) {
        const isOwner = "id" in step && step.id === is.managementNodeId;
        const isBecause =
          (step.kind === "depart" && isOwner && step.epoch >= is.epoch) ||
          (step.kind === "continue" && step.outcome === "unknown") ||
          ("sequence" in step && isOwner && step.epoch > is.epoch);
        if (!isBecause) this.#fault(step, `made an orphan of ${key}`);
      } else if (was?.orphan !== undefined) {
        const isOwner = "id" in step && step.id === is.managementNodeId && step.kind !== "depart";
        if (!isOwner || step.epoch < was.epoch) this.#fault(step, `took ${key} back`);
      }
    }
  }

  #checkAnswer(
    step: Step,
    { refused }: Decision,
    before: Map<string, Claim>,
    after: Map<string, Claim>,
  ): void {
    if (step.kind === "claim") this.#checkNamed(step, [step.said], after);
    if (step.kind === "list") {
      const last = this.#run.known(step.id).lastList?.sequence;
      const isReplay = isSame(before, after) && last === step.sequence;
      if (!isReplay)
        this.#checkNamed(
          step,
          step.list.filter(
            (said) =>
              !refused.some(
                (of) => of.vmUuid === said.vmUuid && of.operationId === said.operationId,
              ),
          ),
          after,
        );
    }
    if (step.kind !== "continue" || step.outcome === "unknown") return;
    const owner = step.owner ?? step.caller?.id;
    if (owner === undefined) return;
    const key = claimKey({ ...step, managementNodeId: owner });
    if (after.has(key)) this.#fault(step, `left ${key} alive`);
    this.#over.add(key);
  }

  #checkNamed(
    step: Extract<Step, { kind: "claim" | "list" }>,
    said: readonly ClaimStatement[],
    after: Map<string, Claim>,
  ): void {
    for (const named of said) {
      const live = after.get(claimKey({ ...named, managementNodeId: step.id }));
      if (live === undefined)
        this.#fault(step, `was accepted and ${named.operationId} does not live`);
      else if (live.orphan !== undefined) this.#fault(step, `was accepted and left an orphan`);
      else if (
        live.sequence < step.sequence &&
        live.epoch === step.epoch &&
        live.reason !== named.reason
      ) {
        this.#fault(step, "was accepted and its reason was not");
      }
    }
  }

  #fault(step: Step, what: string): void {
    this.faults.push(`${JSON.stringify(step)} ${what}`);
  }
}

export function isSame(one: Map<string, Claim>, other: Map<string, Claim>): boolean {
  const texts = [one, other].map((claims) => {
    return [...claims.values()]
      .map((claim) => JSON.stringify(claim))
      .toSorted()
      .join();
  });
  return texts[0] === texts[1];
}
