import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge } from "../../src/core/judgement.ts";
import { domainLooks } from "../../src/core/observation.ts";
import { type FilteredReport, filterReport } from "../../src/core/report.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { anySighting, anyVm, aProblem, at, domain, sighting, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";
import { node, statement } from "./statements.ts";

const [u, v, w] = [vm(1), vm(2), vm(3)];
const shutOff = 5;

/** Places in which a report names a VM. */
function placesOf(report: FilteredReport, uuid: VmUuid): string[] {
  return [
    ...Object.keys(report.states).map((named) => ["states", named]),
    ...report.skipped.map(({ vmUuid }) => ["skipped", vmUuid]),
    ...report.withheld.map(({ vmUuid }) => ["withheld", vmUuid]),
  ].flatMap(([place, named]) => (named === uuid ? [place ?? ""] : []));
}

describe("a report", () => {
  test("says Stopped of a stopped VM by the first clean look (G10)", () => {
    const judgement = judge(sighting({ domains: [domain(u, shutOff), domain(v, 6)] }));
    const { skipList } = new Stage();
    expect(filterReport(judgement, skipList, [u, w], new Map())).toEqual({
      absentMeans: "stopped",
      states: { [u]: "Stopped", [v]: "Crashed", [w]: "Stopped" },
      skipped: [],
      withheld: [],
      stops: [],
    });
  });

  test("answers an expected VM that nothing names with what its absence means", () => {
    const judgement = judge(sighting({ problems: [aProblem], startedAt: at(70) }));
    const report = filterReport(judgement, new Stage().skipList, [u], new Map());
    const since = at(70);
    const withheld = [{ vmUuid: u, reasons: ["observation-incomplete"], since }];
    const nothing = { states: {}, skipped: [], stops: [] };
    expect(report).toEqual({ absentMeans: "unknown", ...nothing, withheld });
  });

  test("answers an expected VM that was seen with what was seen, once", () => {
    const judgement = judge(sighting({ domains: [domain(u, 1)], qemus: [u, v] }));
    const report = filterReport(judgement, new Stage().skipList, [u, v], new Map());
    expect(report.states).toEqual({ [u]: "Running" });
    expect(report.withheld.map(({ vmUuid }) => vmUuid)).toEqual([v]);
  });

  test("names a VM with a claim as skipped, also if nothing else names it", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u));
    const report = filterReport(judge(sighting()), stage.skipList, [], new Map());
    const claims = stage.skipList.claimsOn(u);
    expect(report.skipped).toEqual([{ vmUuid: u, alive: false, claims }]);
    expect(report).toMatchObject({ absentMeans: "stopped", states: {}, withheld: [] });
  });

  test("says of a skipped VM that it is alive when libvirt or its process shows it", () => {
    const stage = new Stage();
    for (const uuid of [u, v, w]) stage.claim(node("mn-1", 1), statement(uuid));
    const look = { domains: [domain(u, 1), domain(v, shutOff), domain(w, shutOff)], qemus: [v] };
    const report = filterReport(judge(sighting(look)), stage.skipList, [], new Map());
    const alive = Object.fromEntries(report.skipped.map((of) => [of.vmUuid, of.alive]));
    expect(alive).toEqual({ [u]: true, [v]: true, [w]: false });
  });

  test("shows every claim of the window: of two nodes, of two operations, and an ended one", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 1), statement(u, "start"));
    stage.claim(node("mn-2", 1), statement(u, "start"));
    stage.claim(node("mn-1", 2), statement(u, "migrate"));
    stage.continue(u, "migrate");
    stage.nowMs += 1;
    const judgement = judge(sighting({ startedAt: at(0) }));
    const [skipped] = filterReport(judgement, stage.skipList, [u], new Map()).skipped;
    const shown = skipped?.claims.map((claim) => {
      const { managementNodeId, operationId } = claim;
      return [managementNodeId, operationId, "endedAt" in claim ? claim.cause : "live"];
    });
    expect(shown).toEqual([
      ["mn-1", "start", "live"],
      ["mn-2", "start", "live"],
      ["mn-1", "migrate", "continued"],
    ]);
  });

  test("has each VM in exactly one place: what was seen, expected or claimed, and no other", () => {
    const claims = fc.array(fc.tuple(anyVm, fc.boolean()), { maxLength: 5 });
    const property = fc.property(
      anySighting,
      claims,
      fc.uniqueArray(anyVm),
      fc.boolean(),
      (look, claimed, expected, isMemoryCut) => {
        const stage = new Stage();
        stage.nowMs = look.startedAt.ms;
        for (const [number, [uuid, isEnded]] of claimed.entries()) {
          stage.nowMs += 1;
          stage.claim(node("mn-1", 1), statement(uuid, `op-${number}`));
          if (isEnded) stage.continue(uuid, `op-${number}`);
        }
        if (isMemoryCut) stage.skipList.forgetEndedBefore(look.startedAt.ms + 0.5);
        const report = filterReport(judge(look), stage.skipList, expected, new Map());
        const named = new Set([...look.qemus, ...expected, ...claimed.map(([uuid]) => uuid)]);
        for (const uuid of domainLooks(look).keys()) named.add(uuid);
        for (const uuid of [1, 2, 3, 4, 5, 6].map(vm)) {
          expect(placesOf(report, uuid)).toHaveLength(named.has(uuid) ? 1 : 0);
        }
      },
    );
    fc.assert(property);
  });
});

describe("where the memory of ended claims does not reach back to the start of the look", () => {
  const look = { domains: [domain(u, shutOff), domain(v, 1)], qemus: [v], startedAt: at(100) };
  const judgement = judge(sighting(look));

  test("no stop is said, by name or by absence; what is no stop is said all the same", () => {
    const { skipList } = new Stage();
    skipList.forgetEndedBefore(100.25);
    const report = filterReport(judgement, skipList, [w], new Map());
    const reasons = ["claim-memory-cut"];
    expect(report.withheld).toEqual([
      { vmUuid: u, reasons, since: at(100) },
      { vmUuid: w, reasons, since: at(100) },
    ]);
    expect(report).toMatchObject({ absentMeans: "unknown", states: { [v]: "Running" } });
  });

  test("a crash is a stop too: it is not said either", () => {
    const { skipList } = new Stage();
    skipList.forgetEndedBefore(100.25);
    const crashed = judge(sighting({ domains: [domain(u, 6)], startedAt: at(100) }));
    const { withheld } = filterReport(crashed, skipList, [], new Map());
    expect(withheld).toMatchObject([{ vmUuid: u, reasons: ["claim-memory-cut"] }]);
  });

  test("what amnesia withholds is withheld since it began", () => {
    const { skipList } = new Stage();
    const amnesia = { reason: "new-store", since: at(3), endsAtMs: 1e9 } as const;
    skipList.apply([{ kind: "amnesia-began", amnesia }]);
    const { withheld } = filterReport(judgement, skipList, [w], new Map());
    expect(withheld.map(({ vmUuid, since }) => [vmUuid, since])).toEqual([
      [u, at(3)],
      [w, at(3)],
    ]);
  });

  test("a memory that begins with the look is enough", () => {
    const { skipList } = new Stage();
    skipList.forgetEndedBefore(100);
    const { states, absentMeans } = filterReport(judgement, skipList, [w], new Map());
    expect(states).toEqual({ [u]: "Stopped", [v]: "Running", [w]: "Stopped" });
    expect(absentMeans).toBe("stopped");
  });

  test("a flood of ended claims cuts the memory, and the claim that it lost makes no stop", () => {
    const stage = new Stage({ endedMax: 10 });
    stage.nowMs = 100;
    stage.claim(node("mn-1", 1), statement(u));
    stage.continue(u); // within the window of the look that began at 100
    for (let flood = 0; flood < 10; flood += 1) {
      stage.claim(node("mn-1", 1), statement(vm(10 + flood)));
      stage.continue(vm(10 + flood));
    }
    const report = filterReport(judgement, stage.skipList, [u], new Map());
    expect(placesOf(report, u)).toEqual(["withheld"]);
    expect(report.absentMeans).toBe("unknown");
    stage.nowMs += 2;
    const next = judge(sighting({ ...look, startedAt: stage.now() }));
    const { states } = filterReport(next, stage.skipList, [], new Map());
    expect(states[u], "the next look is beyond the flood").toBe("Stopped");
  });
});
