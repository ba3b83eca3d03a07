import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSeenAlive, judge, judgeAbsent } from "../../src/core/judgement.ts";
import { isComplete } from "../../src/core/observation.ts";
import { anySighting, aProblem, domain, sighting, vm } from "./sightings.ts";

const reasonsOfShutOff = [0, 1, 2, 5, 6, 7, 8, 99];
const u = vm(1);

type Row = readonly [
  libvirt: readonly [name: string, state: number, reasons: readonly number[]],
  /**
   * QEMU lives; none is there; the process table is unreadable; libvirt was complete, else not. What
   * libvirt told of the domain alone, asked one by one, is judged as if it had told of all.
   */
  verdicts: { alive: string; none: string; unreadable: string; incomplete: string },
];
const stop = {
  alive: "qemu-process-alive",
  unreadable: "observation-incomplete",
  incomplete: "observation-incomplete",
};
function active(state: string): Row[1] {
  return { alive: state, none: "no-process", unreadable: state, incomplete: "no-process" };
}
function always(state: string): Row[1] {
  return { alive: state, none: state, unreadable: state, incomplete: state };
}

const table: readonly Row[] = [
  [["no state", 0, [0, 1]], always("Unknown")],
  [["running", 1, [0, 1, 5]], active("Running")],
  [["blocked", 2, [0]], active("Running")],
  [["paused", 3, [0, 1, 2, 5, 10, 12]], active("Paused")],
  [["paused, starting up", 3, [11]], always("Starting")],
  [["shutting down", 4, [0, 1]], always("ShuttingDown")],
  [["shut off", 5, reasonsOfShutOff], { ...stop, none: "Stopped" }],
  [["shut off, crashed", 5, [3]], { ...stop, none: "Crashed" }],
  [
    ["shut off, migrated", 5, [4]],
    {
      alive: "qemu-process-alive",
      none: "migrated-away",
      unreadable: "migrated-away",
      incomplete: "migrated-away",
    },
  ],
  [["crashed", 6, [0, 1]], { ...stop, none: "Crashed" }],
  [["suspended", 7, [0]], active("Suspended")],
  [["a number of a later libvirt", 8, [0, 3, 4, 11]], always("Unknown")],
  [["a number out of all range", -1, [0]], always("Unknown")],
];

const looks = {
  alive: { qemus: [u] },
  none: {},
  unreadable: { processesWhole: false },
  incomplete: { problems: [aProblem] },
} as const;

describe.each(table)("of a domain that is %s", ([, state, reasons], verdicts) => {
  test.each(Object.entries(looks))("process %s: the verdict is as written", (name, look) => {
    const said = verdicts[name as keyof typeof looks];
    const isState = /^[A-Z]/.test(said);
    for (const reason of reasons) {
      const judgement = judge(sighting({ domains: [domain(u, state, reason)], ...look }));
      const verdict = isState ? { state: said } : { withheld: [said] };
      expect(judgement.verdicts).toEqual(new Map([[u, verdict]]));
    }
  });

  test.each(["alive", "none", "unreadable"] as const)(
    "process %s, told one by one: the verdict is that of a whole answer",
    (name) => {
      for (const reason of reasons) {
        const told = [domain(u, state, reason)];
        const settled = judge(sighting({ settled: told, ...looks[name] }));
        expect(settled.complete).toBe(false);
        const whole = judge(sighting({ domains: told, ...looks[name] }));
        expect(settled.verdicts).toEqual(whole.verdicts);
      }
    },
  );

  test("a QEMU that lives in an unreadable or incomplete look is as alive as in a whole one", () => {
    for (const look of [looks.unreadable, looks.incomplete]) {
      for (const reason of reasons) {
        const of = { domains: [domain(u, state, reason)], qemus: [u] };
        expect(judge(sighting({ ...of, ...look })).verdicts).toEqual(judge(sighting(of)).verdicts);
      }
    }
  });
});

describe("a VM that only the process table names", () => {
  test("is withheld where libvirt named all its domains: its absence suggests a stop", () => {
    const { verdicts } = judge(sighting({ qemus: [u] }));
    expect(verdicts.get(u)).toEqual({ withheld: ["qemu-process-alive"] });
  });

  test("is Unknown where libvirt told only of others", () => {
    const { verdicts } = judge(sighting({ settled: [domain(vm(2), 1)], qemus: [u, vm(2)] }));
    expect(verdicts.get(u)).toEqual({ state: "Unknown" });
    expect(verdicts.get(vm(2))).toEqual({ state: "Running" });
  });

  test("is Unknown where libvirt gave no answer", () => {
    const { verdicts } = judge(sighting({ domains: "unknown", qemus: [u] }));
    expect(verdicts.get(u)).toEqual({ state: "Unknown" });
  });
});

describe("a VM that nothing names", () => {
  test("is Stopped by its absence from a complete look", () => {
    expect(judgeAbsent(judge(sighting()))).toEqual({ state: "Stopped" });
  });

  test.each([
    ["libvirt did not answer", { domains: "unknown" }],
    ["the process table was not whole", { processesWhole: false }],
    ["there was any problem", { problems: [aProblem] }],
    ["libvirt told only of others", { settled: [domain(vm(2), 5)] }],
    ["libvirt did not answer, whatever the problems say", { domains: "unknown", problems: [] }],
    ["processes were left out, whatever the problems say", { processesWhole: false, problems: [] }],
  ] as const)("is not Stopped where %s", (_, look) => {
    const verdict = judgeAbsent(judge(sighting(look)));
    expect(verdict).toEqual({ withheld: ["observation-incomplete"] });
  });
});

describe("whatever was seen", () => {
  const isStop = (verdict: object): boolean =>
    "state" in verdict && (verdict.state === "Stopped" || verdict.state === "Crashed");

  test("a VM whose QEMU lives is not Stopped and not Crashed (G8)", () => {
    fc.assert(
      fc.property(anySighting, (look) => {
        const { verdicts } = judge(look);
        for (const uuid of look.qemus) expect(isStop(verdicts.get(uuid) ?? {})).toBe(false);
      }),
    );
  });

  const incomplete = anySighting.filter((look) => !isComplete(look));

  test("an incomplete look says no stop by absence, nor of what it did not settle (G7)", () => {
    fc.assert(
      fc.property(incomplete, (look) => {
        const judgement = judge(look);
        expect(isStop(judgeAbsent(judgement))).toBe(false);
        const stops = [...judgement.verdicts].filter(([, verdict]) => isStop(verdict));
        for (const [uuid] of stops) expect(look.settled.has(uuid)).toBe(true);
      }),
    );
  });

  test("without every process looked at nothing is a stop, told one by one or not (G7)", () => {
    const unread = incomplete.filter(({ processesWhole }) => !processesWhole);
    fc.assert(
      fc.property(unread, (look) => {
        expect([...judge(look).verdicts.values()].filter(isStop)).toEqual([]);
      }),
    );
  });

  test("each VM that libvirt or the process table names gets a verdict, and no other does", () => {
    fc.assert(
      fc.property(anySighting, (look) => {
        const named = new Set([...(look.domains ?? look.settled).keys(), ...look.qemus]);
        expect(new Set(judge(look).verdicts.keys())).toEqual(named);
      }),
    );
  });

  test("seen alive is exactly: a QEMU, or libvirt calls it running, blocked or paused", () => {
    const alive = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((state) =>
      isSeenAlive(u, sighting({ domains: [domain(u, state)] })),
    );
    expect(alive).toEqual([1, 2, 3]);
    expect(isSeenAlive(u, sighting({ qemus: [u], domains: [domain(u, 5)] }))).toBe(true);
    expect(isSeenAlive(u, sighting({ domains: "unknown" }))).toBe(false);
    expect(isSeenAlive(u, sighting({ settled: [domain(u, 3)] }))).toBe(true);
    expect(isSeenAlive(vm(2), sighting({ qemus: [u], domains: [domain(u, 1)] }))).toBe(false);
  });
});
