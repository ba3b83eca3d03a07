// What holds whatever is said, in whatever order: with epochs and sequences in any order, repeated,
// with departures, restarts and time between.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { claimKey } from "../../src/core/claim.ts";
import type { SkipList } from "../../src/core/skip-list.ts";
import type { Tombstone } from "../../src/core/tombstone.ts";
import { anyId, anyPlace, anyStep, anySteps, Run } from "./any-step.ts";
import { policy } from "./stage.ts";
import { contentOf, recalledFrom, storedOf } from "./stored.ts";
import { isSame, Watcher } from "./watcher.ts";

describe("whatever is said, in whatever order,", () => {
  test("claims begin, lose their node, are taken back and end by the rules, and only by them", () => {
    const property = fc.property(anySteps, (steps) => {
      const watcher = new Watcher();
      for (const taken of steps) {
        watcher.take(taken);
        expect(watcher.faults).toEqual([]);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("a departure and a sign of life never shorten the list of claims", () => {
    const property = fc.property(anySteps, anyId, anyPlace.epoch, (steps, id, epoch) => {
      const run = new Run();
      for (const taken of steps) run.take(taken);
      run.pass();
      const { live } = run;
      run.depart(id, epoch);
      expect(run.live).toEqual(live);
      run.take({ kind: "contact", id, epoch: 2, sequence: 99, ttl: undefined });
      expect(run.live).toEqual(live);
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("a restart changes nothing of what is known, at any moment", () => {
    const property = fc.property(anySteps, (steps) => {
      const run = new Run();
      for (const taken of steps) run.take(taken);
      const stored = storedOf(run.skipList, "boot-1", run.now());
      const recalled = recalledFrom(stored, "boot-1", run.now(), policy);
      expect(withoutLeases(recalled)).toEqual(withoutLeases(run.skipList));
      for (const known of run.skipList.managementNodes()) {
        const again = recalled.managementNode(known.id);
        if (known.departed !== undefined) continue;
        expect(again?.leaseExpiresAtMs).toBeGreaterThanOrEqual(known.leaseExpiresAtMs);
      }
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("restarts anywhere between make no difference to what follows, but to leases", () => {
    // Without time that passes no lease lapses, so nothing may differ.
    const timeless = anyStep.filter(({ kind }) => !["listen", "sleep", "restart"].includes(kind));
    const steps = fc.array(fc.tuple(timeless, fc.boolean()), { maxLength: 30 });
    const property = fc.property(steps, (all) => {
      const [straight, restarted] = [new Run(), new Run()];
      for (const [taken, isRestarted] of all) {
        straight.take(taken);
        if (isRestarted) restarted.restart(0);
        restarted.take(taken);
      }
      expect(withoutLeases(restarted.skipList)).toEqual(withoutLeases(straight.skipList));
    });
    fc.assert(property, { numRuns: 150 });
  });

  test("a statement said twice in a row is said once, as far as claims go", () => {
    const property = fc.property(anySteps, anyStep, (steps, last) => {
      if (last.kind === "listen" || last.kind === "sleep" || last.kind === "restart") return;
      const run = new Run();
      for (const taken of [...steps, last]) run.take(taken);
      const once = run.snapshot();
      // A continue that names nobody means the next owner when the first has none any more.
      if (last.kind === "continue" && last.owner === undefined) return;
      run.take(last);
      expect(isSame(run.snapshot(), once)).toBe(true);
    });
    fc.assert(property, { numRuns: 150 });
  });
});

function withoutLeases(state: SkipList): unknown {
  const content = contentOf(state) as {
    nodes: { leaseExpiresAtMs: number; graceUsedMs: number }[];
    tombstones: Tombstone[];
  };
  const nodes = content.nodes.map((of) => ({ ...of, leaseExpiresAtMs: 0, graceUsedMs: 0 }));
  // Those of one statement are of one age: which of them is evicted first makes no difference.
  const tombstones = content.tombstones.toSorted((one, other) => {
    return one.at.ms - other.at.ms || claimKey(one).localeCompare(claimKey(other));
  });
  return { ...content, nodes, tombstones };
}
