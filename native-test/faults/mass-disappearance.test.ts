// All VMs of a host are gone at once and no event told of it, since libvirtd was not there: that is
// rather a look that is wrong than their stop, until two more looks have shown the same.

import { expect, test } from "vitest";
import { confirmationIntervalMs, confirmations } from "../../src/core/presence.ts";
import type { Answer } from "../host/asker.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { createAll, domainSpecs, startAll } from "../host/populated-host.ts";
import { allSaid, isStop, saidByName, saidOf } from "../host/said.ts";
import { untilQemuGone } from "../host/stopped.ts";
import { waitUntil } from "../host/wait-until.ts";

const persistent = domainSpecs("persistent", 3, 100);
const transient = domainSpecs("transient", 3, 200);
const vms = [...persistent, ...transient];

test("mass disappearance: six VMs that are gone at once are withheld until it is confirmed", async () => {
  await using pair = await HostWithAgent.start();
  const { host } = pair;
  await startAll(host, persistent, true);
  await createAll(host, transient, true);
  const asker = pair.asker({ expect: vms.map(({ uuid }) => uuid) });
  const healthy = await asker.complete();
  for (const { uuid } of vms) expect(saidOf(healthy.report, uuid)).toBe("Paused");

  const lose = async (): Promise<void> => {
    await host.killDaemon();
    for (const vm of vms) {
      await host.signalQemu(vm.uuid, "KILL");
      await untilQemuGone(host, vm);
    }
    await host.startDaemon();
  };
  // Asked all the while: that a report withheld their stops must not count as a word of their ends.
  await asker.during(lose());
  expect(asker.incomplete).toBeGreaterThan(0);
  // For a moment libvirt may still list what its status files say.
  const found = await waitUntil("libvirt to see that all are gone", 30_000, async () => {
    const answer = await asker.complete();
    return vms.some(({ uuid }) => isListedAlive(answer, uuid)) ? undefined : answer;
  });
  expect(saidByName(found.report, vms)).toEqual(allSaid(vms, "withheld: mass-disappearance"));
  const believed = await waitUntil("the stops to be said", 60_000, async () => {
    const answer = await asker.complete();
    const stopped = vms.filter(({ uuid }) => isStop(saidOf(answer.report, uuid)));
    expect([0, vms.length], "all of them or none").toContain(stopped.length);
    return stopped.length > 0 ? answer : undefined;
  });
  const doubtedMs = believed.answeredAtMs - found.answeredAtMs;
  console.log(`six VMs gone at once: withheld for ${doubtedMs.toFixed(0)} ms`);
  const confirmedMs = confirmations * confirmationIntervalMs;
  expect(doubtedMs, "time until it was believed").toBeGreaterThan(confirmedMs - slackMs);
  expect(asker.lies).toEqual([]);
});

/** The first look may have begun so much before its answer came. */
const slackMs = 2_500;

/** libvirt lists it still as it was. */
function isListedAlive({ report }: Answer, uuid: string): boolean {
  return ["Paused", "withheld: no-process"].includes(saidOf(report, uuid));
}
