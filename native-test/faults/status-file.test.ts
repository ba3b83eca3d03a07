// libvirtd is killed, and comes back with less than it knew: a status file is damaged, or a QEMU
// died meanwhile. libvirt then calls a VM shut off, or does not list it, while its QEMU writes to
// its disk; and lists one that is gone.

import { rm, truncate } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { createAll, domainSpecs, startAll } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { allSaid, isStop, libvirtWords, saidByName, saidOf } from "../host/said.ts";
import { statusFile } from "../host/status-file.ts";
import { untilQemuGone, untilStopped } from "../host/stopped.ts";

const looks = 100;
const roundsDown = 5;

const persistent = domainSpecs("persistent", 2, 200);
const transient = domainSpecs("transient", 2, 300);
const bystanders = domainSpecs("bystander", 3, 400);

let pair: HostWithAgent;
let host: PrivateHost;

beforeAll(async () => {
  pair = await HostWithAgent.start();
  ({ host } = pair);
  await createAll(host, bystanders, true);
});

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
});

const damages = [
  { how: "truncated", damage: (domain: DomainSpec) => truncate(statusFile(host, domain), 0) },
  { how: "removed", damage: (domain: DomainSpec) => rm(statusFile(host, domain)) },
];

test.each(damages)(
  "a live QEMU is never Stopped: libvirtd forgets domains whose status file is $how",
  async ({ how, damage }) => {
    await startAll(host, persistent, true);
    await createAll(host, transient, true);
    const forgotten = [...persistent, ...transient];
    const expected = [...forgotten, ...bystanders].map(({ uuid }) => uuid);
    const asker = pair.asker({ expect: expected });
    const forget = async (): Promise<void> => {
      await host.killDaemon();
      for (const domain of forgotten) await damage(domain);
      await host.startDaemon();
    };
    await asker.during(forget());
    // It says so for as long as the process lives.
    for (let look = 0; look < looks; look += 1) {
      const { report } = await asker.complete();
      expect(saidByName(report, [...forgotten, ...bystanders])).toEqual({
        ...allSaid(forgotten, "withheld: qemu-process-alive"),
        ...allSaid(bystanders, "Paused"),
      });
    }
    // The lie was told: libvirt lists none of them as active.
    const active = await host.virsh("list", "--name");
    for (const { name } of forgotten) expect(active).not.toContain(name);

    for (const domain of forgotten) {
      await host.signalQemu(domain.uuid, "KILL");
      await asker.during(untilQemuGone(host, domain));
      const { report } = await asker.complete();
      expect(saidOf(report, domain.uuid)).toSatisfy(isStop);
    }
    expect(asker.lies).toEqual([]);
    console.log(`status files ${how}: ${asker.summary()}`);
    for (const { name } of persistent) await host.undefine(name);
  },
);

test(`QEMUs that die while libvirtd is down are found when it is back, ${roundsDown} times`, async () => {
  const [kept, dropped] = domainSpecs("victim", 2, 500) as [DomainSpec, DomainSpec];
  const victims = [kept, dropped];
  await host.define(kept);
  const expected = [...victims, ...bystanders].map(({ uuid }) => uuid);
  const asker = pair.asker({ expect: expected });
  const words = new Set<string>();
  asker.heed = ({ report }) => {
    for (const { uuid } of victims)
      words.add(`${libvirtWords(report, uuid)} ${saidOf(report, uuid)}`);
  };
  const found: number[] = [];
  for (let round = 0; round < roundsDown; round += 1) {
    await host.start(kept.name, { paused: true });
    await host.create(dropped, { paused: true });
    await host.killDaemon();
    for (const victim of victims) {
      await host.signalQemu(victim.uuid, "KILL");
      await untilQemuGone(host, victim);
    }
    await asker.during(host.startDaemon());
    for (const victim of victims) {
      // For a moment libvirt may still list what its status file says, and is not believed.
      await asker.during(untilStopped(host, victim));
      found.push(await asker.stopFound(victim.uuid));
    }
    const { report } = await asker.complete();
    expect(saidByName(report, bystanders)).toEqual(allSaid(bystanders, "Paused"));
  }
  console.log(
    `QEMUs died while libvirtd was down: ${asker.summary()}; said: ${[...words].join(", ")}`,
  );
  expect(asker.lies).toEqual([]);
  expect(found).toHaveLength(victims.length * roundsDown);
});
