// Every way in which a VM ends, of a persistent domain and of a transient one: alive until its QEMU
// is gone (G8), and found within two complete observations once libvirt knows (G10).

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { libvirtWords, saidOf } from "../host/said.ts";
import { untilStopped } from "../host/stopped.ts";
import { waitUntil } from "../host/wait-until.ts";

const looksAtCrashed = 100;
const shutdownsMax = 15;

let pair: HostWithAgent;
let host: PrivateHost;

beforeAll(async () => {
  pair = await HostWithAgent.start();
  ({ host } = pair);
});

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
});

/** Does to the hardware what a guest's operating system would do. */
async function monitor({ name }: DomainSpec, command: string): Promise<void> {
  await host.virsh("qemu-monitor-command", "--hmp", name, command);
}

/** The guest writes to the ACPI port that switches the machine off. */
const powerOff = (domain: DomainSpec) => monitor(domain, "o/w 0x604 0x2000");
/** The guest writes to the port of the panic device. */
const panic = (domain: DomainSpec) => monitor(domain, "o/b 0x505 1");

const ends: { how: string; end: (domain: DomainSpec) => Promise<unknown> }[] = [
  { how: "shuts itself down", end: powerOff },
  { how: "is destroyed", end: ({ name }) => host.destroy(name) },
  { how: "panics", end: panic },
  { how: "loses its QEMU by SIGSEGV", end: ({ uuid }) => host.signalQemu(uuid, "SEGV") },
  { how: "loses its QEMU by SIGKILL", end: ({ uuid }) => host.signalQemu(uuid, "KILL") },
  { how: "is saved", end: ({ name }) => host.virsh("save", name, `/var/lib/libvirt/${name}`) },
];

let domains = 0;

function newDomain(onCrash: "destroy" | "preserve" = "destroy"): DomainSpec {
  domains += 1;
  const devices = ["<panic model='isa'/>"];
  return { name: `ends-${domains}`, uuid: domainUuid(domains), onCrash, devices };
}

const kinds = [
  {
    kind: "persistent",
    start: async (domain: DomainSpec) => {
      await host.define(domain);
      await host.start(domain.name);
    },
  },
  { kind: "transient", start: (domain: DomainSpec) => host.create(domain) },
];

describe.each(kinds)("a $kind domain", ({ kind, start }) => {
  test.each(ends)("that $how is alive until its QEMU is gone, then found", async ({ how, end }) => {
    const vm = newDomain();
    const asker = pair.asker({ expect: [vm.uuid] });
    const said = new Set<string>();
    asker.heed = ({ report }) => {
      said.add(`${libvirtWords(report, vm.uuid)} ${saidOf(report, vm.uuid)}`);
    };
    await start(vm);
    expect(saidOf((await asker.complete()).report, vm.uuid)).toBe("Running");
    await asker.during(end(vm).then(() => untilStopped(host, vm)));
    await asker.stopFound(vm.uuid);
    console.log(`${kind}, ${how}: ${[...said].join(" > ")}; ${asker.summary()}`);
    expect(asker.lies).toEqual([]);
  });

  test("that panics and is preserved is never Stopped while its QEMU lives on", async () => {
    const vm = newDomain("preserve");
    const asker = pair.asker({ expect: [vm.uuid] });
    await start(vm);
    await asker.during(panic(vm).then(() => untilCrashed(vm)));
    for (let look = 0; look < looksAtCrashed; look += 1) {
      const { report } = await asker.complete();
      expect(saidOf(report, vm.uuid)).toBe("withheld: qemu-process-alive");
    }
    await asker.during(host.destroy(vm.name).then(() => untilStopped(host, vm)));
    await asker.stopFound(vm.uuid);
    expect(asker.lies).toEqual([]);
  });
});

async function untilCrashed({ name }: DomainSpec): Promise<void> {
  await waitUntil(`libvirt to call ${name} crashed`, 30_000, async () => {
    const state = await host.virsh("domstate", name);
    return state.startsWith("crashed") ? true : undefined;
  });
}

test("4/x is alive: a guest that shuts itself down is ShuttingDown until libvirt says shut off", async () => {
  // That takes libvirt some milliseconds, so that not every shutdown is caught at it.
  const said = new Set<string>();
  for (let shutdown = 0; shutdown < shutdownsMax && said.size === 0; shutdown += 1) {
    const vm = newDomain();
    // Without a witness it asks more often; what is said while a QEMU lives, the tests above show.
    const asker = pair.asker({ witness: undefined });
    asker.heed = ({ report }) => {
      if (libvirtWords(report, vm.uuid).startsWith("4/")) said.add(saidOf(report, vm.uuid));
    };
    await host.create(vm);
    await asker.during(powerOff(vm).then(() => untilStopped(host, vm)));
    await asker.stopFound(vm.uuid);
  }
  expect(said.size, "times it was caught at it").toBeGreaterThan(0);
  expect([...said], "what is said while libvirt says 4").toEqual(["ShuttingDown"]);
});
