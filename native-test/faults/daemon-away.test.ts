// While libvirtd is away, of VMs without a QEMU nothing is known: they may just be starting.

import { expect, test } from "vitest";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import { isStop, saidOf } from "../host/said.ts";

const looks = 20;

test("incomplete look: while libvirtd is away no stop is said, by name or by absence", async () => {
  await using pair = await HostWithAgent.start();
  const { host } = pair;
  const shutOff = { name: "shut-off", uuid: domainUuid(1) };
  const absent = domainUuid(2);
  await host.define(shutOff);
  const vms = [shutOff.uuid, absent];
  const asker = pair.asker({ expect: vms });
  const healthy = await asker.complete();
  for (const uuid of vms) expect(saidOf(healthy.report, uuid)).toSatisfy(isStop);

  await host.killDaemon();
  for (let look = 0; look < looks; look += 1) {
    const { report } = await asker.ask();
    expect(report.observation.complete).toBe(false);
    expect(report.absentMeans).toBe("unknown");
    for (const uuid of vms) expect(saidOf(report, uuid)).not.toSatisfy(isStop);
  }
  await host.startDaemon();
  const healed = await asker.complete();
  for (const uuid of vms) expect(saidOf(healed.report, uuid)).toSatisfy(isStop);
});
