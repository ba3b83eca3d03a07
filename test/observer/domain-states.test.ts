import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DomainStateRecord } from "../../src/libvirt/codec/messages.ts";
import { LibvirtConnectionError, LibvirtError } from "../../src/libvirt/errors.ts";
import { DomainStates, type DomainStatesLook } from "../../src/observer/domain-states.ts";
import { uuid } from "./proc-folder.ts";

type Call = PromiseWithResolvers<DomainStateRecord[]>;

/** libvirt as the test plays it: the connection, and every bulk call that it was sent. */
class FakeLibvirt {
  readonly calls: Call[] = [];
  inFlight = 0;
  inFlightMax = 0;
  /** What asking for the connection gives. */
  connect: () => Promise<this> = () => Promise.resolve(this);

  client(): Promise<this> {
    return this.connect();
  }

  allDomainStates(): Promise<DomainStateRecord[]> {
    const call = Promise.withResolvers<DomainStateRecord[]>();
    this.calls.push(call);
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    const over = (): void => {
      this.inFlight -= 1;
    };
    call.promise.then(over, over);
    return call.promise;
  }
}

function records(...numbers: readonly number[]): DomainStateRecord[] {
  return numbers.map((number) => {
    return { uuid: uuid(number), name: `vm-${number}`, id: number, state: 1, reason: 5 };
  });
}

/** What a look brought: uuids of the domains, or the code of the problem. */
function outcome(look: DomainStatesLook): readonly string[] | string {
  return "domains" in look ? [...look.domains.keys()] : look.problem.code;
}

/** Nothing is known that could be asked for one by one, before a first answer at least. */
const noSecondConnection = { client: () => Promise.reject(new Error("made up")) };

let libvirt: FakeLibvirt;
let states: DomainStates;

beforeEach(() => {
  vi.useFakeTimers();
  libvirt = new FakeLibvirt();
  states = new DomainStates(libvirt, noSecondConnection);
});
afterEach(() => {
  vi.useRealTimers();
});

async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

describe("a look at libvirt's domains", () => {
  test("gives every domain by uuid, with libvirt's own numbers", async () => {
    const look = states.look(1000);
    await advance(0);
    libvirt.calls[0]?.resolve(records(1, 2));
    const { domains } = (await look) as Extract<DomainStatesLook, { domains: unknown }>;
    expect([...domains.keys()]).toEqual([uuid(1), uuid(2)]);
    expect(domains.get(uuid(2))).toMatchObject({ name: "vm-2", state: 1, reason: 5 });
  });

  test("of a host without domains is an answer, not a problem", async () => {
    const look = states.look(1000);
    await advance(0);
    libvirt.calls[0]?.resolve([]);
    expect(await look).toEqual({ domains: new Map() });
  });

  test("that names one uuid twice is not believed", async () => {
    const look = states.look(1000);
    await advance(0);
    libvirt.calls[0]?.resolve([...records(1, 2), ...records(1)]);
    expect(outcome(await look)).toBe("libvirt-contradiction");
  });

  test.each([
    ["no-socket", new LibvirtConnectionError("no-socket", "why"), "libvirt-unreachable"],
    [
      "connection-lost",
      new LibvirtConnectionError("connection-lost", "why"),
      "libvirt-unreachable",
    ],
    ["timeout", new LibvirtConnectionError("timeout", "why"), "libvirt-unreachable"],
    ["an error of libvirt's own", new LibvirtError(38, 7, "why"), "libvirt-error"],
    ["anything else", new TypeError("why"), "libvirt-error"],
  ])("that fails by %s is a problem with libvirt's words", async (_, error, code) => {
    libvirt.connect = () => Promise.reject(error);
    expect(await states.look(1000)).toEqual({ problem: { code, detail: "why" } });
    libvirt.connect = () => Promise.resolve(libvirt);
    const look = states.look(1000);
    await advance(0);
    libvirt.calls[0]?.reject(error);
    expect(await look).toEqual({ problem: { code, detail: "why" } });
  });

  test.each([
    ["while connecting", "connecting"],
    ["to the bulk call", "bulk call is not answered"],
  ])("ends at its limit, slow, where libvirt does not answer %s", async (what, words) => {
    if (what === "while connecting") libvirt.connect = () => new Promise(() => {});
    let look: DomainStatesLook | undefined;
    void states.look(300).then((of) => {
      look = of;
    });
    await advance(299);
    expect(look).toBeUndefined();
    await advance(1);
    expect(look).toMatchObject({ problem: { code: "libvirt-slow" } });
    expect(look).toHaveProperty("problem.detail", expect.stringContaining(words));
  });
});

describe("a bulk call that exceeds its limit", () => {
  test("is not repeated; the next look waits for it within a limit of its own", async () => {
    const first = states.look(100);
    await advance(100);
    const second = states.look(50);
    await advance(50);
    expect(outcome(await first)).toBe("libvirt-slow");
    expect(await second).toHaveProperty("problem.detail", expect.stringContaining("earlier"));
    expect(states.bulkCalls).toBe(1);
  });

  test("answers no later question: who waited for it asks anew", async () => {
    void states.look(100);
    await advance(100);
    const next = states.look(100);
    await advance(50);
    libvirt.calls[0]?.resolve(records(1));
    await advance(0);
    expect(libvirt.calls).toHaveLength(2);
    libvirt.calls[1]?.resolve(records(2));
    expect(outcome(await next)).toEqual([uuid(2)]);
  });

  test("that fails in the end lets the next look ask, and does not fail it", async () => {
    void states.look(100);
    await advance(100);
    const next = states.look(100);
    await advance(50);
    libvirt.calls[0]?.reject(new LibvirtConnectionError("connection-lost", "why"));
    await advance(0);
    libvirt.calls[1]?.resolve(records(2));
    expect(outcome(await next)).toEqual([uuid(2)]);
  });

  test("gives what is left of the limit to the next call, no more", async () => {
    void states.look(100);
    await advance(100);
    let isOver = false;
    void states.look(100).then(() => {
      isOver = true;
    });
    await advance(70);
    libvirt.calls[0]?.resolve(records(1));
    await advance(29);
    expect(isOver).toBe(false);
    await advance(1);
    expect(isOver).toBe(true);
  });

  test("does not remember those who waited for it, however long it hangs", async () => {
    void states.look(100);
    await advance(100);
    const hanging = libvirt.calls[0]?.promise ?? Promise.reject(new Error("no call was made"));
    const reactions = vi.spyOn(hanging, "then");
    for (let asked = 0; asked < 10; asked += 1) {
      const look = states.look(100);
      await advance(100);
      expect(outcome(await look)).toBe("libvirt-slow");
    }
    expect(reactions).not.toHaveBeenCalled();
  });

  test("is not repeated over another connection either, while it hangs on the first", async () => {
    void states.look(100);
    await advance(100);
    const second = new FakeLibvirt();
    libvirt.connect = () => Promise.resolve(second);
    const look = states.look(100);
    await advance(100);
    expect(outcome(await look)).toBe("libvirt-slow");
    expect(second.calls).toEqual([]);
    libvirt.calls[0]?.reject(new LibvirtConnectionError("connection-lost", "why"));
    void states.look(100);
    await advance(0);
    expect(second.calls).toHaveLength(1);
  });
});

test("whoever asks and whatever fails, one bulk call is in flight, asked after the question", async () => {
  const anyStep = fc.oneof(
    fc.record({ kind: fc.constant("ask" as const), limitMs: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 30 }) }),
    fc.record({ kind: fc.constantFrom("answer" as const, "fail" as const) }),
    fc.record({ kind: fc.constantFrom("connect" as const, "disconnect" as const) }),
  );
  const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
    libvirt = new FakeLibvirt();
    states = new DomainStates(libvirt, noSecondConnection);
    const looks: Promise<boolean>[] = [];
    for (const step of steps) {
      if (step.kind === "ask") {
        const before = libvirt.calls.length;
        // Each call answers with its own number, so that an answer tells which call it was.
        const look = states.look(step.limitMs).then(outcome);
        looks.push(look.then((said) => typeof said === "string" || said.join() >= uuid(before)));
      } else if (step.kind === "wait") await advance(step.ms);
      else if (step.kind === "answer") {
        libvirt.calls.at(-1)?.resolve(records(libvirt.calls.length - 1));
      } else if (step.kind === "fail") libvirt.calls.at(-1)?.reject(new Error("why"));
      else if (step.kind === "connect") libvirt.connect = () => Promise.resolve(libvirt);
      else libvirt.connect = () => Promise.reject(new LibvirtConnectionError("closed", "why"));
      await advance(0);
      expect(libvirt.inFlightMax).toBeLessThanOrEqual(1);
    }
    await advance(50);
    // Each has ended within its limit, and if with an answer, then with one to its question.
    expect(await Promise.all(looks)).not.toContain(false);
    expect(states.bulkCalls).toBe(libvirt.calls.length);
  });
  await fc.assert(property);
});
