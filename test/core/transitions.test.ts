// Everything is explained (G11): each transition of a claim or a management node is an entry, once.

import { describe, expect, test } from "vitest";
import type { Change } from "../../src/core/change.ts";
import type { HistoryEntry } from "../../src/core/history.ts";
import { decidePassing } from "../../src/core/passing-time.ts";
import { transitionsOf } from "../../src/core/transitions.ts";
import { at, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";

const u = vm(1);
const ofClaim = { vmUuid: u, managementNodeId: "mn-1", operationId: "start" };

/** A stage that keeps the history of what is said to it. */
class Told extends Stage {
  readonly entries: HistoryEntry[] = [];

  override apply(decision: Parameters<Stage["apply"]>[0]) {
    if (!("code" in decision)) this.#note(decision.changes, "asker");
    return super.apply(decision);
  }

  #note(changes: readonly Change[], by: string): void {
    this.entries.push(...transitionsOf(this.skipList, changes, by, at(this.nowMs)));
  }

  /** Kinds since the last call, with causes. */
  told(): string[] {
    const words = this.entries.map(({ kind, cause }) => (cause ? `${kind}: ${cause}` : kind));
    this.entries.length = 0;
    return words;
  }
}

function told(...steps: readonly ((stage: Told) => unknown)[]): string[] {
  const stage = new Told();
  for (const step of steps) {
    stage.told();
    step(stage);
  }
  return stage.told();
}
const claims = (stage: Told) => stage.claim(node("mn-1", 1), statement(u));
const departs = (stage: Told) => stage.depart("mn-1");

describe("the history has", () => {
  test("when, what, of which claim, who asked and why", () => {
    const stage = new Told({ nowMs: 7 });
    claims(stage);
    expect(stage.entries).toEqual([
      {
        atWallMs: at(7).wallMs,
        kind: "node-heard",
        managementNodeId: "mn-1",
        by: "asker",
        detail: "epoch 1, instance mn-1 of epoch 1",
      },
      { atWallMs: at(7).wallMs, kind: "claim-made", ...ofClaim, by: "asker", detail: "why" },
    ]);
  });

  test.each([
    [
      "a claim said again with the same words: nothing",
      claims,
      (s: Told) => s.claim(node("mn-1", 2), statement(u)),
      [],
    ],
    [
      "one with another reason: its renewal",
      claims,
      (s: Told) => s.claim(node("mn-1", 2), statement(u, "start", "x")),
      ["claim-renewed"],
    ],
    [
      "one with another TTL: its renewal",
      claims,
      (s: Told) => s.claim(node("mn-1", 2), { ...statement(u), orphanTtlSeconds: 5 }),
      ["claim-renewed"],
    ],
    ["a continue: the end", claims, (s: Told) => s.continue(u), ["claim-ended: continued"]],
    [
      "a continue of a VM: the end",
      claims,
      (s: Told) => s.continueVm(u, { id: "mn-1" }),
      ["claim-ended: continued"],
    ],
    ["a continue of nothing", claims, (s: Told) => s.continue(vm(2)), ["continued-nothing"]],
    [
      "a continue of a VM on which nothing was",
      claims,
      (s: Told) => s.continueVm(vm(2), { id: "mn-1" }),
      ["continued-nothing"],
    ],
    [
      "a list: what it made and ended",
      claims,
      (s: Told) => s.list(node("mn-1", 2), statement(u, "stop")),
      ["claim-ended: left-out-of-list", "claim-made"],
    ],
    [
      "an operation given up",
      claims,
      (s: Told) => s.giveUp("mn-1", u),
      ["claim-orphaned: outcome-unknown"],
    ],
    ["a departure", claims, departs, ["node-departed: departed", "claim-orphaned: departed"]],
    ["a departure that changes nothing: nothing", departs, departs, []],
    [
      "a return",
      departs,
      (s: Told) => s.contact(node("mn-1", 2)),
      ["node-returned", "claim-readopted"],
    ],
    [
      "a return by the very claim, once",
      departs,
      (s: Told) => s.claim(node("mn-1", 2), statement(u)),
      ["node-returned", "claim-readopted"],
    ],
    [
      "a return by a list, once",
      departs,
      (s: Told) => s.list(node("mn-1", 2), statement(u)),
      ["node-returned", "claim-readopted"],
    ],
    ["a sign of life: nothing", claims, (s: Told) => s.contact(node("mn-1", 2)), []],
    [
      "a newer epoch",
      claims,
      (s: Told) => s.contact(node("mn-1", 1, 2)),
      ["node-heard", "claim-orphaned: new-epoch"],
    ],
    ["a claim of the operator", claims, (s: Told) => s.operator(statement(u)), ["claim-made"]],
  ] as const)("for %s", (_, first, then, words) => {
    expect(told(claims, first, then)).toEqual(words);
  });

  test("the lapse of a lease, the end of a TTL and of amnesia", () => {
    const stage = new Told();
    stage.beginAmnesia();
    claims(stage);
    const all: string[] = [];
    for (let second = 0; second < 800; second += 1) {
      stage.nowMs += 1000;
      const due = decidePassing(stage.skipList, stage.now());
      const entries = transitionsOf(stage.skipList, due, "agent", stage.now());
      all.push(...entries.map(({ kind, cause, by }) => `${kind}: ${cause} by ${by}`));
      stage.pass();
    }
    expect(all).toEqual([
      "node-departed: lease-lapsed by agent",
      "claim-orphaned: lease-lapsed by agent",
      "amnesia-ended: elapsed by agent",
      "claim-ended: ttl-expired by agent",
    ]);
  });
});
