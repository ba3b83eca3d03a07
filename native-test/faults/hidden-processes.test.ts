// /proc is mounted with hidepid, and libvirt has forgotten a VM whose QEMU lives: nothing else tells
// of it then, not even a domain that libvirt calls active.

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentOnHost } from "../host/agent-on-host.ts";
import { Asker } from "../host/asker.ts";
import { becomeNobody } from "../host/nobody.ts";
import { domainUuid } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { mountProc } from "../host/proc-mount.ts";
import { isStop, libvirtWords, saidOf } from "../host/said.ts";
import { statusFile } from "../host/status-file.ts";
import { waitUntil } from "../host/wait-until.ts";

const looks = 20;
const persistent = { name: "persistent", uuid: domainUuid(1) };
const transient = { name: "transient", uuid: domainUuid(2) };
const vms = [persistent, transient];

let host: PrivateHost;

beforeAll(async () => {
  host = await PrivateHost.start({ libvirtdSettings: ['auth_unix_ro = "none"'] });
  await host.define(persistent);
  await host.start(persistent.name, { paused: true });
  await host.create(transient, { paused: true });
  await host.killDaemon();
  for (const vm of vms) await rm(statusFile(host, vm));
  await host.startDaemon();
});

afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
});

test.each([
  { hidden: "their contents", hidepid: 1 },
  { hidden: "all there is of them", hidepid: 2 },
])(
  "hidepid=$hidepid hides $hidden: no stop is said of a QEMU that lives unseen",
  async ({ hidepid }) => {
    const procPath = path.join(host.folder, `proc-${hidepid}`);
    await mkdir(procPath);
    using _mount = mountProc(host, procPath, `hidepid=${hidepid}`);
    using _nobody = becomeNobody();
    await using agent = await AgentOnHost.start({ libvirtSocket: host.readOnlySocket, procPath });
    const asker = new Asker(agent.client, { expect: vms.map(({ uuid }) => uuid) });
    // The first look may come before the connection to libvirt.
    await waitUntil("libvirt to be heard", 20_000, async () => {
      const { report } = await asker.ask();
      return libvirtWords(report, persistent.uuid) === "absent" ? undefined : true;
    });
    for (let look = 0; look < looks; look += 1) {
      const { report } = await asker.ask();
      const codes = report.observation.problems.map(({ code }) => code);
      expect(codes).toEqual(["process-table-unreadable"]);
      for (const { uuid } of vms) expect(saidOf(report, uuid)).not.toSatisfy(isStop);
    }
    console.log(`hidepid=${hidepid}: ${asker.summary()}`);
  },
);

test("seen by the same user in a table that hides nothing, they are withheld by name", async () => {
  const procPath = path.join(host.folder, "proc");
  await mkdir(procPath);
  using _mount = mountProc(host, procPath, "hidepid=0");
  using _nobody = becomeNobody();
  await using agent = await AgentOnHost.start({ libvirtSocket: host.readOnlySocket, procPath });
  const asker = new Asker(agent.client, { expect: vms.map(({ uuid }) => uuid) });
  const { report } = await asker.complete();
  for (const { uuid } of vms) expect(saidOf(report, uuid)).toBe("withheld: qemu-process-alive");
});
