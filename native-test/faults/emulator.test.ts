// A VM whose QEMU has another name than QEMU's: libvirt starts what the domain names.

import { rm, symlink } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import { otherEmulator } from "../host/process-table.ts";
import { isStop, saidOf } from "../host/said.ts";
import { statusFile } from "../host/status-file.ts";
import { untilQemuGone } from "../host/stopped.ts";

const looks = 20;

test("emulator of another name: its VM is Paused, and withheld when libvirt forgets it", async () => {
  await using pair = await HostWithAgent.start();
  const { host } = pair;
  const emulator = path.join("/var/lib/libvirt", otherEmulator);
  await symlink("/usr/bin/qemu-system-x86_64", path.join(host.folder, "lib", otherEmulator));
  const vm = { name: "vm", uuid: domainUuid(1), emulator };
  await host.create(vm, { paused: true });
  // Else no QEMU at all would be seen by an agent that overlooks this one, and it would notice.
  await host.create({ name: "bystander", uuid: domainUuid(2) }, { paused: true });
  const asker = pair.asker({ expect: [vm.uuid] });
  expect(saidOf((await asker.complete()).report, vm.uuid)).toBe("Paused");

  await host.killDaemon();
  await rm(statusFile(host, vm));
  await host.startDaemon();
  for (let look = 0; look < looks; look += 1) {
    const { report } = await asker.complete();
    expect(saidOf(report, vm.uuid)).toBe("withheld: qemu-process-alive");
  }
  await host.signalQemu(vm.uuid, "KILL");
  await untilQemuGone(host, vm);
  expect(saidOf((await asker.complete()).report, vm.uuid)).toSatisfy(isStop);
  console.log(`an emulator of another name: ${asker.summary()}`);
});
