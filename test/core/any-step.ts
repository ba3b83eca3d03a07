// Random statements of three management nodes over three VMs and four operations, and a stage that
// takes them.

import * as fc from "fast-check";
import { type Claim, claimKey, type ClaimStatement } from "../../src/core/claim.ts";
import type { Decision } from "../../src/core/decide.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import { vm } from "./sightings.ts";
import { policy, Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";
import { recalledFrom, storedOf } from "./stored.ts";

export const vms = [1, 2, 3].map(vm);
const ids = ["mn-1", "mn-2", "mn-3"];
const operations = ["start", "stop", "migrate", "reboot"];

export const anyId = fc.constantFrom(...ids);
const anyVm = fc.constantFrom(...vms);
const anyOperation = fc.constantFrom(...operations);
export const anyPlace = {
  epoch: fc.integer({ min: 1, max: 2 }),
  sequence: fc.integer({ min: 0, max: 9 }),
};
const anyTtl = fc.option(fc.constantFrom(1, 20, 500), { nil: undefined });
const anyStatement = fc
  .tuple(anyVm, anyOperation, fc.constantFrom("why", "else"), anyTtl)
  .map(([vmUuid, operationId, reason, orphanTtlSeconds]): ClaimStatement => {
    return { ...statement(vmUuid, operationId, reason), orphanTtlSeconds };
  });
const anySpeaker = { id: anyId, ...anyPlace, ttl: anyTtl };

export const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      ...anySpeaker,
      said: anyStatement,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("list" as const),
      ...anySpeaker,
      list: fc.uniqueArray(anyStatement, {
        maxLength: 4,
        selector: ({ vmUuid, operationId }) => `${vmUuid} ${operationId}`,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("contact" as const), ...anySpeaker }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("continue" as const),
      vmUuid: anyVm,
      operationId: anyOperation,
      owner: fc.option(anyId, { nil: undefined }),
      caller: fc.option(fc.record({ id: anyId, ...anyPlace }), { nil: undefined }),
      outcome: fc.constantFrom(undefined, undefined, "unknown" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("continue-vm" as const),
      vmUuid: anyVm,
      caller: fc.option(fc.record({ id: anyId, ...anyPlace }), { nil: undefined }),
      orphans: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("depart" as const),
      id: anyId,
      epoch: anyPlace.epoch,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("operator" as const), said: anyStatement }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("listen" as const),
      seconds: fc.constantFrom(1, 19, 60, 200),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("sleep" as const),
      seconds: fc.constantFrom(4, 6, 300, 700),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      downSeconds: fc.constantFrom(0, 1, 100),
    }),
  },
);
export type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;
export const anySteps = fc.array(anyStep, { maxLength: 30 });

/** A stage whose agent may be restarted. */
export class Run extends Stage {
  restart(downSeconds: number): void {
    const stored = storedOf(this.skipList, "boot-1", this.now());
    this.nowMs += downSeconds * 1000;
    this.skipList = recalledFrom(stored, "boot-1", this.now(), policy);
    this.pass();
  }

  take(step: Step): Decision | Refusal | undefined {
    switch (step.kind) {
      case "claim":
        return this.#take(this.tryClaim(speaker(step), step.said));
      case "list":
        return this.#take(this.tryList(speaker(step), ...step.list));
      case "contact":
        return this.#take(this.tryContact(speaker(step)));
      case "continue":
        return this.#take(this.tryContinue(step.vmUuid, step.operationId, step));
      case "continue-vm":
        return this.continueVm(step.vmUuid, step.caller, step.orphans);
      case "depart":
        return this.depart(step.id, step.epoch);
      case "operator":
        return this.#take(this.tryOperator(step.said));
      case "listen":
        this.listen(step.seconds);
        return undefined;
      case "sleep":
        this.sleep(step.seconds);
        return undefined;
      case "restart":
        this.restart(step.downSeconds);
        return undefined;
      default:
        throw new Error(`unreachable: ${JSON.stringify(step satisfies never)}`);
    }
  }

  snapshot(): Map<string, Claim> {
    return new Map([...this.skipList.all()].map((claim) => [claimKey(claim), claim]));
  }

  #take(decision: Decision | Refusal): Decision | Refusal {
    return "code" in decision ? decision : this.apply(decision);
  }
}

function speaker({
  id,
  epoch,
  sequence,
  ttl,
}: {
  id: string;
  epoch: number;
  sequence: number;
  ttl: number | undefined;
}) {
  return { ...node(id, sequence, epoch), orphanTtlSeconds: ttl };
}
