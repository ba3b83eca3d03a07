// A live migration between two hosts, each with its agent: it is never told as a stop, neither where
// the VM leaves nor where it arrives, until the management nodes know that it moved; and one that
// fails changes nothing.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Asker } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import { isStop, libvirtWords, saidOf } from "../host/said.ts";
import { untilQemuGone } from "../host/stopped.ts";
import { waitUntil } from "../host/wait-until.ts";

const arrivalMs = 60_000;
/** Where the memory goes over: both hosts share the network of this machine. */
const livingWords: ReadonlySet<string> = new Set(["Starting", "Paused", "Running"]);
let port = 49_360;
let domains = 0;
let source: HostWithAgent;
let destination: HostWithAgent;

beforeAll(async () => {
  [source, destination] = await Promise.all([HostWithAgent.start(), HostWithAgent.start()]);
});
afterAll(async () => {
  await Promise.all([source, destination].map((pair) => pair?.[Symbol.asyncDispose]()));
});

function newDomain(): DomainSpec {
  domains += 1;
  return { name: `moving-${domains}`, uuid: domainUuid(800 + domains) };
}

async function migrate(
  from: HostWithAgent,
  to: HostWithAgent,
  { name }: DomainSpec,
): Promise<string> {
  port += 1;
  const target = `qemu+unix:///system?socket=${to.host.readWriteSocket}`;
  const memory = ["--migrateuri", `tcp://127.0.0.1:${port}`];
  return await from.host.virsh("migrate", "--live", name, target, ...memory);
}

/** Asks both agents during `work`, and keeps what each says of the VM, in order and without repeats. */
async function watched<T>(
  { uuid }: DomainSpec,
  [from, to]: readonly [Asker, Asker],
  work: Promise<T>,
): Promise<{ readonly leaving: string[]; readonly arriving: string[] }> {
  const [leaving, arriving]: [string[], string[]] = [[], []];
  const heed = (asker: Asker, said: string[]): void => {
    asker.heed = ({ report }) => {
      const word = saidOf(report, uuid);
      // By name or by absence, by turns, as the asker names the VM or not.
      const says = isStop(word) ? "Stopped" : word;
      if (said.at(-1) !== says) said.push(says);
    };
  };
  heed(from, leaving);
  heed(to, arriving);
  await Promise.all([from.during(work), to.during(work)]);
  return { leaving, arriving };
}

function askers(vm: DomainSpec, from: HostWithAgent, to: HostWithAgent): readonly [Asker, Asker] {
  const expected = { expect: [vm.uuid] };
  return [from.asker(expected), to.asker(expected)];
}

/** A management node says that it has read a report that told the VM's stop. */
async function acknowledge({ agent }: HostWithAgent, vm: DomainSpec): Promise<void> {
  const id = `mn-${randomUUID()}`;
  const speaker = { id, epoch: 1, instance: id };
  const report = await agent.client.sync({ managementNode: { ...speaker, sequence: 1 } });
  expect(report.stops[vm.uuid]).toMatchObject({ cause: "migrated" });
  const managementNode = { ...speaker, sequence: 2 };
  await agent.client.sync({ managementNode, acknowledges: report.reportId });
}

const kinds = [
  {
    kind: "running persistent",
    isPaused: false,
    state: "Running",
    start: async (vm: DomainSpec) => {
      await source.host.define(vm);
      await source.host.start(vm.name);
    },
  },
  {
    kind: "paused transient",
    isPaused: true,
    state: "Paused",
    start: (vm: DomainSpec) => source.host.create(vm, { paused: true }),
  },
];

describe.each(kinds)("a $kind domain", ({ kind, state, start }) => {
  test("that migrates, and back, is told as moved and never as stopped", async () => {
    const vm = newDomain();
    await start(vm);
    const ways = [
      [source, destination],
      [destination, source],
    ] as const;
    for (const [from, to] of ways) {
      const both = askers(vm, from, to);
      expect(saidOf((await both[0].complete()).report, vm.uuid)).toBe(state);
      const { leaving, arriving } = await watched(vm, both, migrate(from, to, vm));
      await untilQemuGone(from.host, vm);
      const arrived = (await both[1].complete()).report;
      const left = (await both[0].complete()).report;
      console.log(
        `${kind}: source says ${leaving.join(" > ")} (${both[0].summary()}); ` +
          `destination says ${arriving.join(" > ")} (${both[1].summary()})`,
      );
      expect(saidOf(arrived, vm.uuid)).toBe(state);
      expect(saidOf(left, vm.uuid)).toBe("withheld: migrated-away");
      expect(leaving.filter(isStop)).toEqual([]);
      // Before its QEMU is there it is not there: that is why both ends are claimed.
      const alive = arriving.findIndex((said) => livingWords.has(said));
      expect(arriving.slice(alive).filter(isStop)).toEqual([]);
      expect([...both[0].lies, ...both[1].lies]).toEqual([]);

      await acknowledge(from, vm);
      const known = (await both[0].complete()).report;
      expect(isStop(saidOf(known, vm.uuid))).toBe(true);
      expect(known.stops[vm.uuid]).toBeUndefined();
    }
    await source.host.destroy(vm.name);
    await source.host.undefine(vm.name).catch(() => {});
    await destination.host.undefine(vm.name).catch(() => {});
  });

  test("whose migration fails is alive where it was, and was never anything else", async () => {
    const vm = newDomain();
    await start(vm);
    const both = askers(vm, source, destination);
    await both[0].complete();
    const failing = migrate(source, destination, vm).then(
      () => "migrated",
      () => "failed",
    );
    // Stopped as soon as it is there, so that it cannot finish; then killed.
    const broken = waitUntil("the destination's QEMU", arrivalMs, async () => {
      return (await destination.host.qemuPids()).has(vm.uuid) ? true : undefined;
    }).then(async () => {
      await destination.host.signalQemu(vm.uuid, "STOP");
      await destination.host.signalQemu(vm.uuid, "KILL");
      return await failing;
    });
    const { leaving, arriving } = await watched(vm, both, broken);
    expect(await broken).toBe("failed");
    await untilQemuGone(destination.host, vm);
    const { report } = await both[0].complete();
    console.log(
      `${kind}, failing: source says ${leaving.join(" > ")} (${libvirtWords(report, vm.uuid)}); ` +
        `destination says ${arriving.join(" > ")}`,
    );
    expect(saidOf(report, vm.uuid)).toBe(state);
    expect(leaving.filter(isStop)).toEqual([]);
    expect([...both[0].lies, ...both[1].lies]).toEqual([]);
    await source.host.destroy(vm.name);
  });
});
