import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isComplete } from "../../src/core/observation.ts";
import type { DomainStatesLook } from "../../src/observer/domain-states.ts";
import { Observer } from "../../src/observer/observer.ts";
import type { ProcessLook } from "../../src/observer/process-table.ts";
import { uuid } from "./proc-folder.ts";

const [u, v] = [uuid(1), uuid(2)];
const limitMs = 1000;

function domainsLook(...states: readonly (readonly [string, number, number?])[]): DomainStatesLook {
  const looks = states.map(([id, state, reason = 1]) => ({ uuid: id, name: id, state, reason }));
  return { domains: new Map(looks.map((look) => [look.uuid, look])) };
}
const seen = (...qemus: readonly string[]): ProcessLook => ({ qemus: new Set(qemus) });
const libvirtSlow = { problem: { code: "libvirt-slow", detail: "made up" } } as const;
const unreadable = { code: "process-table-unreadable", detail: "made up" } as const;
const slow = { code: "process-table-slow", detail: "made up" } as const;

/** A host that answers as told, on a clock that moves by what each answer costs. */
class FakeHost {
  nowMs = 500;
  readonly processLimits: number[] = [];
  readonly #libvirt: DomainStatesLook;
  readonly #processes: ProcessLook[];
  readonly #costMs: number;

  constructor(libvirt: DomainStatesLook, processes: readonly ProcessLook[], costMs = 10) {
    this.#libvirt = libvirt;
    this.#processes = [...processes];
    this.#costMs = costMs;
  }

  look() {
    const observer = new Observer(
      {
        now: () => ({ ms: this.nowMs, wallMs: 7 }),
        domains: {
          look: async () => {
            await Promise.resolve();
            this.nowMs += this.#costMs;
            return this.#libvirt;
          },
        },
        processes: {
          look: async (limit) => {
            this.processLimits.push(limit);
            const answer = this.#processes.shift();
            if (answer === undefined) throw new Error("cannot answer: looked once too often");
            return answer;
          },
        },
      },
      limitMs,
    );
    return observer.look();
  }
}

describe("an observation", () => {
  test("brings both answers together, stamped with the moment at which it began", async () => {
    const look = await new FakeHost(domainsLook([u, 1]), [seen(u, v)]).look();
    expect(look).toMatchObject({ startedAt: { ms: 500 }, finishedAt: { ms: 510 } });
    expect(look).toMatchObject({ processesWhole: true, problems: [] });
    expect(look.qemus).toEqual(new Set([u, v]));
    expect([...(look.domains?.keys() ?? [])]).toEqual([u]);
    expect(isComplete(look)).toBe(true);
  });

  test.each([
    ["libvirt", libvirtSlow, seen(u), ["libvirt-slow"]],
    ["the process table", domainsLook(), { ...seen(u), problem: slow }, ["process-table-slow"]],
    ["both", libvirtSlow, { ...seen(), problem: slow }, ["libvirt-slow", "process-table-slow"]],
  ])("names the problem of %s and is incomplete", async (_, libvirt, processes, codes) => {
    const look = await new FakeHost(libvirt, [processes]).look();
    expect(look.problems.map(({ code }) => code)).toEqual(codes);
    expect(isComplete(look)).toBe(false);
    expect(look.qemus).toEqual(processes.qemus);
  });

  test("has no problem exactly when it is complete: both answered wholly", async () => {
    const anyLibvirt = fc.constantFrom(libvirtSlow, domainsLook(), domainsLook([u, 1], [v, 5]));
    const anyProcesses = fc.constantFrom(seen(), seen(v), seen(u), { ...seen(), problem: slow });
    const looks = fc.tuple(anyLibvirt, anyProcesses, anyProcesses);
    const property = fc.asyncProperty(looks, async ([libvirt, first, second]) => {
      const look = await new FakeHost(libvirt, [first, second]).look();
      const isWhole = look.domains !== undefined && look.processesWhole;
      expect(look.problems.length === 0).toBe(isWhole);
      expect(isComplete(look)).toBe(isWhole);
    });
    await fc.assert(property);
  });
});

describe("where libvirt calls a domain running whose process the first look missed", () => {
  test("the processes are looked at once more, and what either look saw was alive", async () => {
    const host = new FakeHost(domainsLook([u, 1], [v, 1]), [seen(v), seen(u)]);
    const look = await host.look();
    expect(look.qemus).toEqual(new Set([u, v]));
    expect(isComplete(look)).toBe(true);
    expect(host.processLimits, "with what is left of the limit").toEqual([1000, 990]);
  });

  test("and the second look has a problem, the observation has it", async () => {
    const processes = [seen(v), { ...seen(), problem: unreadable }];
    const look = await new FakeHost(domainsLook([u, 1], [v, 1]), processes).look();
    expect(look).toMatchObject({ problems: [unreadable], processesWhole: false });
    expect(look.qemus).toEqual(new Set([v]));
  });

  test.each([1, 2, 3, 7])("state %i counts as running", async (state) => {
    const host = new FakeHost(domainsLook([u, state], [v, 1]), [seen(v), seen(u, v)]);
    await host.look();
    expect(host.processLimits).toHaveLength(2);
  });

  test.each([
    ["which is starting up (3/11)", [u, 3, 11]],
    ["which is shutting down", [u, 4]],
    ["which is shut off", [u, 5]],
    ["which has crashed", [u, 6]],
    ["of which it knows no state", [u, 0]],
  ] as const)("it is not for one %s", async (_, domain) => {
    const host = new FakeHost(domainsLook(domain), [seen()]);
    expect(isComplete(await host.look())).toBe(true);
    expect(host.processLimits).toHaveLength(1);
  });

  test("it is not when the first look was not whole anyway, or too little time is left", async () => {
    const broken = new FakeHost(domainsLook([u, 1]), [{ ...seen(v), problem: slow }]);
    expect((await broken.look()).problems).toEqual([slow]);
    const late = new FakeHost(domainsLook([u, 1]), [seen(v)], limitMs - 49);
    expect((await late.look()).problems).toEqual([]);
    const justInTime = new FakeHost(domainsLook([u, 1]), [seen(v), seen(v)], limitMs - 50);
    await justInTime.look();
    expect(justInTime.processLimits).toEqual([1000, 50]);
  });
});

describe("where libvirt has active domains and no QEMU at all is visible", () => {
  test("they are hidden: the table is unreadable", async () => {
    const look = await new FakeHost(domainsLook([u, 1], [v, 5]), [seen(), seen()]).look();
    expect(look.problems).toMatchObject([{ code: "process-table-unreadable" }]);
    expect(look.problems[0]?.detail).toMatch(/libvirt has 1 active domain; is .* hidepid/);
    expect(isComplete(look)).toBe(false);
  });

  test("also with no time for a second look", async () => {
    const host = new FakeHost(domainsLook([u, 3]), [seen()], limitMs);
    expect(isComplete(await host.look())).toBe(false);
  });

  test("the problem that the process table named itself comes first", async () => {
    const look = await new FakeHost(domainsLook([u, 1]), [{ ...seen(), problem: slow }]).look();
    expect(look.problems).toEqual([slow]);
  });

  test("one visible QEMU is enough: the others are missing, not hidden", async () => {
    const host = new FakeHost(domainsLook([u, 1], [v, 1]), [seen(v), seen(v)]);
    expect(isComplete(await host.look())).toBe(true);
  });

  test("a domain that is only starting up has none yet", async () => {
    const host = new FakeHost(domainsLook([u, 3, 11]), [seen()]);
    expect(isComplete(await host.look())).toBe(true);
  });
});
