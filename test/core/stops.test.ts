import { beforeEach, describe, expect, test } from "vitest";
import type { Change } from "../../src/core/change.ts";
import {
  decideAcknowledged,
  decideRunning,
  decideSaid,
  decideSeen,
  decideStarted,
  decideStopped,
} from "../../src/core/decide-stops.ts";
import { judge } from "../../src/core/judgement.ts";
import { nothingSeen } from "../../src/core/presence.ts";
import { filterReport, sayingsOf } from "../../src/core/report.ts";
import { SkipList } from "../../src/core/skip-list.ts";
import {
  causeOfEvent,
  causeOfState,
  type Stop,
  stopCauses,
  stopsMax,
} from "../../src/core/stop.ts";
import { at, domain, type Sighting, sighting, vm } from "./sightings.ts";
import { policy } from "./stage.ts";

const u = vm(1);
const shutOff = 5;
const destroyed = 2;
const migrated = 4;
const dayMs = 24 * 60 * 60 * 1000;

let state: SkipList;

beforeEach(() => {
  state = new SkipList(policy, at(0));
});

function apply(changes: readonly Change[]): readonly Change[] {
  state.apply(changes);
  return changes;
}

/** What a report on a look says, as the agent makes it. */
function report(look: Sighting) {
  const observation = sighting(look);
  apply(decideSeen(state, observation, nothingSeen, new Set()));
  const judgement = judge(observation, {
    stops: state.stops,
    doubted: new Set(),
    started: new Set(),
  });
  apply(decideRunning(state, judgement));
  return filterReport(judgement, state, [], new Map());
}

function stopped(cause: Stop["cause"], ms = 10): void {
  apply(decideStopped(state, u, cause, at(ms)));
}

describe("the cause", () => {
  test("of an event is that of libvirt's number; of a newer libvirt it is not known", () => {
    expect([0, 1, 2, 3, 4, 5, 6].map(causeOfEvent)).toEqual(stopCauses);
    expect(causeOfEvent(7)).toBeUndefined();
  });

  test("of a state is that of its reason; a domain that never ran has none", () => {
    expect([1, 2, 3, 4, 5, 6, 7].map((reason) => causeOfState(shutOff, reason))).toEqual(
      stopCauses,
    );
    expect(causeOfState(shutOff, 0)).toBeUndefined();
    expect(causeOfState(6, 0)).toBe("crashed");
    expect(causeOfState(1, 1)).toBeUndefined();
  });

  test("is told until it is acknowledged", () => {
    stopped("destroyed");
    const first = report({ domains: [domain(u, shutOff, destroyed)] });
    expect(first.stops).toMatchObject([{ vmUuid: u, cause: "destroyed", at: at(10) }]);
    expect(report({ domains: [domain(u, shutOff, destroyed)] }).stops).toHaveLength(1);
    apply(decideAcknowledged(state, first.stops));
    const later = report({ domains: [domain(u, shutOff, destroyed)] });
    expect(later).toMatchObject({ stops: [], states: { [u]: "Stopped" } });
  });

  test("is told of a VM that is not on the host any more, whose absence is a stop", () => {
    stopped("shutdown");
    expect(report({}).stops).toMatchObject([{ vmUuid: u, cause: "shutdown" }]);
    expect(report({ domains: "unknown" }).stops).toEqual([]);
  });

  test("is that of the state where no event came", () => {
    const { stops } = report({ domains: [domain(u, shutOff, destroyed)] });
    expect(stops).toMatchObject([{ cause: "destroyed", at: at(1000) }]);
  });

  test("comes late to a stop that a look saw first", () => {
    const said = new Map([[u, "Stopped"]]);
    apply(decideSaid(state, said, at(5)));
    stopped("failed");
    expect(state.stops.get(u)).toEqual({
      vmUuid: u,
      cause: "failed",
      // When it was told: a look that began before that must not take it for past.
      at: at(10),
      isAcknowledged: false,
      said: ["Stopped"],
    });
  });

  test("is not told of a VM that is skipped", () => {
    stopped("destroyed");
    const claim = { managementNodeId: "mn-1", vmUuid: u, operationId: "o", reason: "" };
    apply([
      {
        kind: "claimed",
        claim: { ...claim, epoch: 1, sequence: 1, madeAt: at(5) },
        was: undefined,
      },
    ]);
    const filtered = report({ domains: [domain(u, shutOff, destroyed)] });
    expect(filtered.stops).toEqual([]);
    expect(sayingsOf(filtered, state.stops).size).toBe(0);
  });

  test("an acknowledgement of an earlier stop leaves the later one", () => {
    stopped("destroyed");
    const { stops } = report({});
    apply(decideStarted(state, u, false));
    stopped("crashed", 2000);
    expect(apply(decideAcknowledged(state, stops))).toEqual([]);
  });
});

describe("a VM that migrated away", () => {
  const gone: readonly Sighting[] = [{}, { domains: [domain(u, shutOff, migrated)] }];

  test.each(gone)("is never a stop before that is acknowledged: %o", (look) => {
    stopped("migrated");
    const before = report(look);
    expect(before.states).toEqual({});
    expect(before.withheld).toMatchObject([{ vmUuid: u, reasons: ["migrated-away"] }]);
    expect(before.stops).toMatchObject([{ cause: "migrated" }]);
    apply(decideAcknowledged(state, before.stops));
    const after = report(look);
    expect(after.withheld).toEqual([]);
    expect(after.states).toEqual("domains" in look ? { [u]: "Stopped" } : {});
  });

  test("while amnesia lasts that is not told, and it is withheld all the same", () => {
    stopped("migrated");
    const amnesia = { reason: "new-store", since: at(0), endsAtMs: 1e9 } as const;
    apply([{ kind: "amnesia-began", amnesia }]);
    expect(report({})).toMatchObject({ stops: [], withheld: [{ reasons: ["migrated-away"] }] });
  });

  test("is withheld as alive while its QEMU is still there", () => {
    stopped("migrated");
    const { withheld } = report({ domains: [domain(u, shutOff, migrated)], qemus: [u] });
    expect(withheld).toMatchObject([{ reasons: ["qemu-process-alive"] }]);
  });
});

describe("a VM that runs again", () => {
  test("has no stop any more", () => {
    stopped("destroyed");
    report({ domains: [domain(u, 1)], qemus: [u], startedAt: at(11) });
    expect(state.stops.size).toBe(0);
  });

  test("by a look that began before the stop was told, does not", () => {
    stopped("destroyed");
    report({ domains: [domain(u, 1)], qemus: [u], startedAt: at(10) });
    expect(state.stops.size).toBe(1);
  });

  test("is not one whose QEMU lives while libvirt calls it off", () => {
    stopped("destroyed");
    report({ domains: [domain(u, shutOff)], qemus: [u] });
    expect(state.stops.size).toBe(1);
  });
});

describe("what was said", () => {
  test("is noted once per stop and word", () => {
    const look = { domains: [domain(u, shutOff)] };
    const say = () => {
      const filtered = report(look);
      return apply(decideSaid(state, sayingsOf(filtered, state.stops), at(2000)));
    };
    expect(say()).toMatchObject([{ kind: "stop", stop: { said: ["Stopped"] } }]);
    expect(say()).toEqual([]);
    expect(say()).toEqual([]);
  });

  test("is a stop by absence for a VM that was here, and the reason where it is withheld", () => {
    stopped("shutdown");
    expect(sayingsOf(report({}), state.stops)).toEqual(new Map([[u, "Stopped, by absence"]]));
    expect(sayingsOf(report({ domains: "unknown" }), state.stops)).toEqual(new Map());
    const alive = report({ domains: [domain(u, shutOff)], qemus: [u] });
    expect(sayingsOf(alive, state.stops)).toEqual(new Map([[u, "withheld: qemu-process-alive"]]));
  });
});

describe("the memory of stops", () => {
  function full(of: Partial<Stop>): void {
    const stops = Array.from({ length: stopsMax }, (_, index): Change => {
      const stop = { vmUuid: vm(index + 1), at: at(1), isAcknowledged: false, said: [], ...of };
      return { kind: "stop", stop };
    });
    state.apply(stops);
  }

  test("is bounded: what moved away goes last", () => {
    full({ cause: "migrated" });
    apply(decideStopped(state, vm(stopsMax + 1), "failed", at(5)));
    apply(decideStopped(state, vm(stopsMax + 2), "failed", at(5)));
    expect(state.stops.has(vm(stopsMax + 1))).toBe(false);
    expect(state.stops.size).toBe(stopsMax);
  });

  test("is bounded: what is settled goes first", () => {
    full({ cause: "crashed" });
    const [settled] = [vm(77)];
    apply(decideAcknowledged(state, [state.stops.get(settled) as Stop]));
    apply(decideStopped(state, vm(stopsMax + 1), "failed", at(5)));
    expect(state.stops.size).toBe(stopsMax);
    expect(state.stops.has(settled)).toBe(false);
    apply(decideStopped(state, vm(stopsMax + 2), "failed", at(5)));
    expect(state.stops.size).toBe(stopsMax);
    expect(state.stops.has(vm(1)), "then the oldest").toBe(false);
  });

  test("stays within its bound when many are new at once", () => {
    full({ said: ["Stopped"] });
    const many = new Map(Array.from({ length: 50 }, (_, index) => [vm(1e6 + index), "Stopped"]));
    apply(decideSaid(state, many, at(5)));
    expect(state.stops.size).toBe(stopsMax);
    for (const uuid of many.keys()) expect(state.stops.has(uuid)).toBe(true);
  });

  test("lets go after a day of what is gone and settled, and of nothing else", () => {
    stopped("destroyed");
    apply(decideSaid(state, new Map([[u, "Stopped, by absence"]]), at(20)));
    report({ startedAt: at(10 + dayMs + 1) });
    expect(state.stops.size, "nobody has taken note").toBe(1);
    apply(decideAcknowledged(state, [...state.stops.values()]));
    report({ startedAt: at(10 + dayMs) });
    expect(state.stops.size).toBe(1);
    report({ startedAt: at(10 + dayMs + 1), domains: "unknown" });
    expect(state.stops.size).toBe(1);
    report({ startedAt: at(10 + dayMs + 1) });
    expect(state.stops.size).toBe(0);
  });
});
