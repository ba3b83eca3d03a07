// The window of a start: the VM's process is a child of libvirtd first and becomes QEMU a moment
// later, libvirt calls it 3/11, and a claim may or may not protect it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { Asker } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HeldChildren } from "../host/held-children.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { readProcesses } from "../host/process-table.ts";
import { isStop, libvirtWords, saidOf } from "../host/said.ts";

const starts = 20;
/** Beside the questions: libvirt may be silent as long as the process is its child. */
const lookEveryMs = 5;
const timeout = 240_000;
/** An observation begins in it: after the limit of the one before, and of a busy machine. */
const heldMs = 2_000;
const claim = { reason: "start" } as const;

let pair: HostWithAgent;
let host: PrivateHost;

beforeAll(async () => {
  pair = await HostWithAgent.start();
  ({ host } = pair);
});

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
});

/** Which processes were first seen when, and as what. */
class Sightings implements Disposable {
  readonly #seen = new Map<number, { atMs: number; comm: string; startTime: string }>();
  readonly #looking = setInterval(() => this.#look(), lookEveryMs);

  first(pid: number): { atMs: number; comm: string } {
    this.#look();
    const seen = this.#seen.get(pid);
    if (seen === undefined) throw new Error(`cannot say when process ${pid} was first seen`);
    return seen;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    const atMs = performance.now();
    for (const { pid, comm, startTime } of readProcesses(host.procPath)) {
      if (this.#seen.get(pid)?.startTime === startTime) continue;
      this.#seen.set(pid, { atMs, comm, startTime });
    }
  }
}

/** Shut off before the start. */
const persistent = {
  start: async (vm: DomainSpec) => {
    await host.define(vm);
    await host.start(vm.name, { paused: true });
  },
  end: async (vm: DomainSpec) => {
    await host.destroy(vm.name);
    await host.undefine(vm.name);
  },
};
/** Not there at all before the start. */
const transient = {
  start: (vm: DomainSpec) => host.create(vm, { paused: true }),
  end: (vm: DomainSpec) => host.destroy(vm.name),
};

interface Said {
  readonly askedAtMs: number;
  readonly said: string;
}

test.each([{ claimed: "with a claim" }, { claimed: "without a claim" }])(
  "3/11 is alive: started $claimed, a VM is never stopped once its process is there",
  { timeout },
  async ({ claimed }) => {
    const vm = { name: "vm", uuid: domainUuid(1) };
    const hasClaim = claimed === "with a claim";
    const asker = new Asker(pair.agent.client, { expect: [vm.uuid] });
    const words = new Map<string, number>();
    let answers: Said[] = [];
    asker.heed = ({ askedAtMs, report }) => {
      const said = saidOf(report, vm.uuid);
      answers.push({ askedAtMs, said });
      const spoken = `${libvirtWords(report, vm.uuid)} ${said}`;
      words.set(spoken, (words.get(spoken) ?? 0) + 1);
    };
    let seenAsDaemon = 0;
    for (let round = 0; round < starts; round += 1) {
      const { start, end } = round % 2 === 0 ? persistent : transient;
      const operationId = `start-${round}`;
      if (hasClaim) await pair.agent.client.claimAsOperator(vm.uuid, operationId, claim);
      answers = [];
      using sightings = new Sightings();
      await asker.during(start(vm));
      const { atMs, comm } = sightings.first((await host.qemuPids()).get(vm.uuid) ?? -1);
      if (comm.includes("libvirtd")) seenAsDaemon += 1;
      const sinceBorn = answers.filter(({ askedAtMs }) => hasClaim || askedAtMs >= atMs);
      expect(sinceBorn.filter(({ said }) => isStop(said))).toEqual([]);
      if (hasClaim) await pair.agent.client.continueClaim(vm.uuid, operationId);
      // The process that was libvirtd's has become the VM's QEMU, and is known as that.
      expect(saidOf((await asker.complete()).report, vm.uuid)).toBe("Paused");
      await end(vm);
    }
    const spoken = [...words].map(([word, count]) => `${word} (${count})`).join(", ");
    console.log(
      `${starts} starts ${claimed}: ${asker.summary()}; ` +
        `${seenAsDaemon} times the process was libvirtd when first seen; ${spoken}`,
    );
    expect(seenAsDaemon).toBeGreaterThan(0);
    const starting = [...words.keys()].filter((word) => word.startsWith("3/11"));
    expect(starting).toEqual([hasClaim ? "3/11 skipped" : "3/11 Starting"]);
  },
);

test("a child of libvirtd that was looked at is found when it has become QEMU", async () => {
  const vm = { name: "held", uuid: domainUuid(2) };
  const asker = pair.asker({ expect: [vm.uuid] });
  await asker.complete();
  using children = new HeldChildren(host.daemonPid(), heldMs);
  await asker.during(host.create(vm, { paused: true }));
  expect(children.count).toBeGreaterThan(0);
  expect(saidOf((await asker.complete()).report, vm.uuid)).toBe("Paused");
  expect(asker.lies).toEqual([]);
  console.log(`${children.count} children of libvirtd held for ${heldMs} ms: ${asker.summary()}`);
  await host.destroy(vm.name);
});
