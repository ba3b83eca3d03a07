import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Change } from "../../src/core/change.ts";
import type { Claim, EndCause, EndedClaim } from "../../src/core/claim.ts";
import { SkipList } from "../../src/core/skip-list.ts";
import { anyVm, at, vm } from "./sightings.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { policy } from "./stage.ts";
import { claimName } from "./statements.ts";

const nodes = ["mn-1", "mn-2"];
const operations = ["start", "stop"];

function claimOf(managementNodeId: string, vmUuid: string, operationId = "start"): Claim {
  const base = { managementNodeId, vmUuid, operationId, reason: "why", madeAt: at(1) };
  return { ...base, epoch: 1, sequence: 1 };
}

function orphanOf(claim: Claim, expiresAtMs: number): Claim {
  const since = at(1);
  return { ...claim, orphan: { cause: "departed", since, ttlSeconds: 60, expiresAtMs } };
}

const vms = [1, 2, 3, 4, 5, 6].map(vm);
const allKeys = nodes.flatMap((id) =>
  vms.flatMap((uuid) => operations.map((operation) => claimOf(id, uuid, operation))),
);

const anyClaim = fc
  .tuple(fc.constantFrom(...nodes), anyVm, fc.constantFrom(...operations))
  .map(([id, vmUuid, operation]) => claimOf(id, vmUuid, operation));
const request = <const Kind extends string>(kind: Kind) =>
  fc.record({ kind: fc.constant(kind), claim: anyClaim });
const anyRequest = fc.oneof(
  request("claimed"),
  request("orphaned"),
  request("continued"),
  request("ttl-expired"),
  request("listened"),
);
type Request = typeof anyRequest extends fc.Arbitrary<infer T> ? T : never;

/** A skip list beside one that is nothing but a list of claims. */
class Pair {
  readonly real: SkipList;
  naive: Claim[] = [];
  ended: EndedClaim[] = [];
  revision = 0;
  #ms = 0;

  constructor(endedMax?: number) {
    this.real = new SkipList(policy, at(0), endedMax);
  }

  /** Applies what is possible of some requests, as one statement. */
  apply(requests: readonly Request[]): void {
    this.#ms += 1;
    const now = at(this.#ms);
    const changes = requests.flatMap((of) => this.#changeOf(of));
    if (changes.some(({ kind }) => kind !== "listened")) this.revision += 1;
    this.real.settle(this.real.apply(changes), now);
  }

  #changeOf({ kind, claim: asked }: Request): Change[] {
    const now = at(this.#ms);
    if (kind === "listened") return [{ kind, untilMs: now.ms }];
    const live = this.naive.find((other) => claimName(other) === claimName(asked));
    this.naive = this.naive.filter((other) => other !== live);
    if (kind === "claimed") {
      this.naive.push(asked);
      return [{ kind, claim: asked, was: live }];
    }
    if (live === undefined) return [];
    if (kind === "orphaned") {
      const orphan = orphanOf(live, this.#ms + 60);
      this.naive.push(orphan);
      return [{ kind, claim: orphan }];
    }
    this.ended.push({ ...live, endedAt: now, cause: kind });
    return [{ kind: "ended", claim: live, at: now, cause: kind }];
  }

  /** What the real one answers to every question, and what it should. */
  answers(): { real: unknown[]; naive: unknown[] } {
    const names = (claims: Iterable<Claim>): string => [...claims].map(claimName).toSorted().join();
    const { real, naive } = this;
    const orphans = naive.filter(({ orphan }) => orphan !== undefined);
    const pairs: [unknown, unknown][] = [
      [names(real.all()), names(naive)],
      [names(real.orphans()), names(orphans)],
      [real.orphanCount, orphans.length],
      [real.size, naive.length],
      [real.revision, this.revision],
    ];
    for (const id of nodes) {
      const ofNode = naive.filter(({ managementNodeId }) => managementNodeId === id);
      pairs.push([names(real.claimsOf(id)), names(ofNode)]);
      pairs.push([real.countOf(id), ofNode.length]);
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
      const living = real.livingSince(ms);
      const ended = this.ended.filter(({ endedAt }) => endedAt.ms >= ms);
      for (const [claims, lived] of [
        [living.live, naive],
        [living.ended, ended],
      ] as const) {
        pairs.push([[...claims.keys()].toSorted(), vmsOf(lived)]);
        pairs.push([names([...claims.values()].flatMap((of) => [...of])), names(lived)]);
      }
    }
    return { real: pairs.map(([answer]) => answer), naive: pairs.map(([, answer]) => answer) };
  }
}

function vmsOf(claims: readonly Claim[]): VmUuid[] {
  return [...new Set(claims.map(({ vmUuid }) => vmUuid))].toSorted();
}

function endedOf(list: SkipList, ms = Number.NEGATIVE_INFINITY): EndedClaim[] {
  return [...list.livingSince(ms).ended.values()].flat();
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
    fc.assert(property, { numRuns: 60 });
  });

  test("with a short memory knows every end since the moment to which it reaches back", () => {
    const property = fc.property(statements, fc.integer({ min: 0, max: 4 }), (all, endedMax) => {
      const pair = new Pair(endedMax);
      for (const requests of all) {
        pair.apply(requests);
        const { real, naive } = pair.answers();
        expect(real).toEqual(naive);
        expect(endedOf(pair.real).length).toBeLessThanOrEqual(endedMax);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  test("raises its revision once per statement that changed a claim, and at no other", () => {
    const list = new SkipList(policy, at(0));
    const claim = claimOf("mn-1", vm(1));
    const other = claimOf("mn-1", vm(2));
    const listened = { kind: "listened", untilMs: 5 } as const;
    const statementsOf: readonly (readonly Change[])[] = [
      [listened],
      [{ kind: "claimed", claim, was: undefined }, listened],
      [{ kind: "claimed", claim, was: claim }],
      [
        { kind: "claimed", claim: other, was: undefined },
        { kind: "ended", claim, at: at(1), cause: "continued" },
        listened,
      ],
      [listened],
      [{ kind: "orphaned", claim: orphanOf(other, 50) }],
      [{ kind: "list-heard", managementNodeId: "mn-1" }],
      [],
    ];
    const revisions = statementsOf.map((changes) => {
      list.apply(changes);
      return list.revision;
    });
    expect(revisions).toEqual([0, 1, 2, 3, 3, 4, 4, 4]);
  });

  test("an end of a claim that does not live is a broken invariant", () => {
    const list = new SkipList(policy, at(0));
    const ended = { kind: "ended", claim: claimOf("mn-1", vm(1)), cause: "continued" } as const;
    expect(() => list.apply([{ ...ended, at: at(1) }])).toThrow(/does not live/);
  });

  test("an array of claims that was handed out does not change any more", () => {
    const list = new SkipList(policy, at(0));
    const claim = claimOf("mn-1", vm(1));
    list.apply([{ kind: "claimed", claim, was: undefined }]);
    const before = list.claimsOn(vm(1));
    list.apply([{ kind: "ended", claim, at: at(1), cause: "continued" }]);
    expect(before).toEqual([claim]);
  });
});

describe("the end of a claim", () => {
  function ended(cause: EndCause) {
    const list = new SkipList(policy, at(0));
    const claim = claimOf("mn-1", vm(1));
    list.apply([{ kind: "claimed", claim, was: undefined }]);
    const pending = list.apply([{ kind: "ended", claim, at: at(10), cause }]);
    return { list, pending };
  }

  test.each(["continued", "left-out-of-list"] as const)(
    "%s counts from when it is settled, whenever that is",
    (cause) => {
      const { list, pending } = ended(cause);
      expect(list.size, "for decisions it is over at once").toBe(0);
      expect(list.livingSince(1e9).ended.has(vm(1))).toBe(true);
      list.forgetEndedBefore(1e9);
      expect(list.livingSince(1e9).ended.has(vm(1)), "not even forgetting ends it").toBe(true);
      list.settle(pending, at(2e9));
      expect(endedOf(list, 2e9)).toMatchObject([{ endedAt: at(2e9), cause }]);
      expect(endedOf(list, 2e9 + 1)).toEqual([]);
    },
  );

  test.each(["ttl-expired", "not-stored"] as const)("%s counts at once", (cause) => {
    const { list, pending } = ended(cause);
    expect(pending).toEqual([]);
    expect(list.livingSince(10).ended.has(vm(1))).toBe(true);
    expect(endedOf(list, 10.5)).toEqual([]);
  });

  test("an orphan counts no longer than its TTL, however long the disk takes", () => {
    const list = new SkipList(policy, at(0));
    const [early, late] = [orphanOf(claimOf("mn-1", vm(1)), 100), claimOf("mn-1", vm(2))];
    const end = (claim: Claim): Change => ({
      kind: "ended",
      claim,
      at: at(10),
      cause: "continued",
    });
    const made = [early, late].map((claim): Change => ({ kind: "claimed", claim, was: undefined }));
    list.apply(made);
    const pending = list.apply([end(early), end(late)]);
    const countedSince = (ms: number) => [...list.livingSince(ms).ended.keys()];
    expect(countedSince(100)).toEqual([vm(1), vm(2)]);
    expect(countedSince(101)).toEqual([vm(2)]);
    list.settle(pending.toReversed(), at(500));
    expect(countedSince(100)).toEqual([vm(1), vm(2)]);
    expect(countedSince(101)).toEqual([vm(2)]);
    expect(countedSince(501)).toEqual([]);
  });

  test("settled twice is settled once", () => {
    const { list, pending } = ended("continued");
    list.settle(pending, at(20));
    list.settle(pending, at(30));
    expect(endedOf(list)).toMatchObject([{ endedAt: at(20) }]);
  });
});

describe("the memory of ended claims", () => {
  function withEndsAt(endedMax: number, ...moments: readonly number[]): SkipList {
    const list = new SkipList(policy, at(0), endedMax);
    for (const ms of moments) {
      const claim = claimOf("mn-1", vm(1), `at ${ms}`);
      const over = { kind: "ended", claim, at: at(ms), cause: "continued" } as const;
      list.settle(list.apply([{ kind: "claimed", claim, was: undefined }, over]), at(ms));
    }
    return list;
  }
  const operationsSince = (list: SkipList, ms: number): string[] =>
    endedOf(list, ms).map(({ operationId }) => operationId);

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
