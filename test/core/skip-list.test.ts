import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Change, type Claim, type EndedClaim, SkipList } from "../../src/core/skip-list.ts";
import { anyVm, at, vm } from "./sightings.ts";
import { claimName, node } from "./statements.ts";

const nodes = ["mn-1", "mn-2"];
const operations = ["start", "stop"];

function claimOf(managementNodeId: string, vmUuid: string, operationId = "start"): Claim {
  const base = { managementNodeId, vmUuid, operationId, reason: "why", madeAt: at(1) };
  return { ...base, epoch: 1, sequence: 1 };
}

const vms = [1, 2, 3, 4, 5, 6].map(vm);
const allKeys = nodes.flatMap((id) =>
  vms.flatMap((uuid) => operations.map((operation) => claimOf(id, uuid, operation))),
);

const anyClaim = fc
  .tuple(fc.constantFrom(...nodes), anyVm, fc.constantFrom(...operations))
  .map(([id, vmUuid, operation]) => claimOf(id, vmUuid, operation));
const anyRequest = fc.oneof(
  fc.record({ kind: fc.constant("claimed" as const), claim: anyClaim }),
  fc.record({ kind: fc.constant("ended" as const), claim: anyClaim }),
  fc.record({ kind: fc.constant("seen" as const), claim: anyClaim }),
);

/** A skip list beside one that is nothing but a list of claims. */
class Pair {
  readonly real: SkipList;
  naive: Claim[] = [];
  ended: EndedClaim[] = [];
  revision = 0;
  #ms = 0;

  constructor(endedMax?: number) {
    this.real = new SkipList(endedMax);
  }

  /** Applies what is possible of some requests, as one statement. */
  apply(requests: readonly { kind: "claimed" | "ended" | "seen"; claim: Claim }[]): void {
    this.#ms += 1;
    const now = at(this.#ms);
    const changes: Change[] = [];
    for (const { kind, claim } of requests) {
      const live = this.naive.find((other) => claimName(other) === claimName(claim));
      if (kind === "seen") {
        const managementNode = { ...node(claim.managementNodeId, 1), lastSeenAt: now };
        changes.push({ kind, managementNode });
      } else if (kind === "claimed") {
        this.naive = [...this.naive.filter((other) => other !== live), claim];
        changes.push({ kind, claim, isNew: live === undefined });
      } else if (live !== undefined) {
        this.naive = this.naive.filter((other) => other !== live);
        this.ended.push({ ...live, endedAt: now, cause: "continued" });
        changes.push({ kind, claim: live, at: now, cause: "continued" });
      }
    }
    if (changes.some(({ kind }) => kind !== "seen")) this.revision += 1;
    this.real.apply(changes);
  }

  /** What the real one answers to every question, and what it should. */
  answers(): { real: unknown[]; naive: unknown[] } {
    const names = (claims: readonly Claim[]): string => claims.map(claimName).toSorted().join();
    const { real, naive } = this;
    const pairs: [unknown, unknown][] = [
      [names(real.all()), names(naive)],
      [real.size, naive.length],
      [real.revision, this.revision],
    ];
    for (const id of nodes) {
      const ofNode = naive.filter(({ managementNodeId }) => managementNodeId === id);
      pairs.push([names(real.claimsOf(id)), names(ofNode)]);
    }
    for (const uuid of vms) {
      const ofVm = naive.filter(({ vmUuid }) => vmUuid === uuid);
      pairs.push([names(real.claimsOn(uuid)), names(ofVm)]);
    }
    for (const key of allKeys) {
      pairs.push([real.find(key), naive.find((claim) => claimName(claim) === claimName(key))]);
    }
    for (let ms = 0; ms <= this.#ms + 1; ms += 1) {
      if (ms < real.rememberedFromMs) continue;
      pairs.push([real.endedSince(ms), this.ended.filter(({ endedAt }) => endedAt.ms >= ms)]);
    }
    return { real: pairs.map(([answer]) => answer), naive: pairs.map(([, answer]) => answer) };
  }
}

describe("the skip list", () => {
  const statements = fc.array(fc.array(anyRequest, { maxLength: 6 }), { maxLength: 25 });

  test("finds by key, VM and node what a plain list of claims has, after any changes", () => {
    const property = fc.property(statements, (all) => {
      const pair = new Pair();
      for (const requests of all) {
        pair.apply(requests);
        const { real, naive } = pair.answers();
        expect(real).toEqual(naive);
      }
      expect(pair.real.rememberedFromMs).toBe(Number.NEGATIVE_INFINITY);
    });
    fc.assert(property);
  });

  test("with a short memory knows every end since the moment to which it reaches back", () => {
    const property = fc.property(statements, fc.integer({ min: 0, max: 4 }), (all, endedMax) => {
      const pair = new Pair(endedMax);
      for (const requests of all) {
        pair.apply(requests);
        const { real, naive } = pair.answers();
        expect(real).toEqual(naive);
        expect(pair.real.endedSince(0).length).toBeLessThanOrEqual(endedMax);
      }
    });
    fc.assert(property);
  });

  test("raises its revision once per statement that changed a claim, and at no other", () => {
    const pair = new Pair();
    const [claim, other] = [claimOf("mn-1", vm(1)), claimOf("mn-1", vm(2))];
    const seen = { kind: "seen", claim } as const;
    const revisions: number[] = [];
    for (const requests of [
      [seen],
      [{ kind: "claimed", claim }, seen],
      [{ kind: "claimed", claim }],
      [{ kind: "claimed", claim: other }, { kind: "ended", claim }, seen],
      [seen],
      [],
    ] as const) {
      pair.apply(requests);
      revisions.push(pair.real.revision);
    }
    expect(revisions).toEqual([0, 1, 2, 3, 3, 3]);
  });

  test("an end of a claim that does not live is a broken invariant", () => {
    const list = new SkipList();
    const ended = { kind: "ended", claim: claimOf("mn-1", vm(1)), cause: "continued" } as const;
    expect(() => list.apply([{ ...ended, at: at(1) }])).toThrow(/does not live/);
  });
});

describe("the memory of ended claims", () => {
  function withEndsAt(endedMax: number, ...moments: readonly number[]): SkipList {
    const list = new SkipList(endedMax);
    for (const ms of moments) {
      const claim = claimOf("mn-1", vm(1), `at ${ms}`);
      const ended = { kind: "ended", claim, at: at(ms), cause: "continued" } as const;
      list.apply([{ kind: "claimed", claim, isNew: true }, ended]);
    }
    return list;
  }
  const operationsSince = (list: SkipList, ms: number): string[] =>
    list.endedSince(ms).map(({ operationId }) => operationId);

  test("gives the ends of an instant and later, that instant included", () => {
    const list = withEndsAt(10, 5, 7, 7.5, 9);
    expect(operationsSince(list, 7)).toEqual(["at 7", "at 7.5", "at 9"]);
    expect(operationsSince(list, 9.1)).toEqual([]);
  });

  test("forgets what ended before an instant, keeps what ended at it, and says so", () => {
    const list = withEndsAt(10, 5, 7, 9);
    list.forgetEndedBefore(7);
    expect(operationsSince(list, 0)).toEqual(["at 7", "at 9"]);
    expect(list.rememberedFromMs).toBe(7);
  });

  test("does not reach back further when it is told to forget less than before", () => {
    const list = withEndsAt(10, 5);
    list.forgetEndedBefore(7);
    list.forgetEndedBefore(6);
    expect(list.rememberedFromMs).toBe(7);
  });

  test("that overflows does not count as reaching back to the instant that it lost", () => {
    const list = withEndsAt(2, 5, 5.5, 5.5, 8);
    expect(operationsSince(list, 0)).toEqual(["at 5.5", "at 8"]);
    expect(list.rememberedFromMs).toBeGreaterThan(5.5);
  });

  test("that overflows after it was told to forget keeps the later of both moments", () => {
    const list = withEndsAt(1, 5, 6);
    list.forgetEndedBefore(100);
    expect(list.rememberedFromMs).toBe(100);
  });
});
