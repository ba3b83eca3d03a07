// G8: whatever libvirt says, a VM is not called stopped whose QEMU lived throughout the look.

import type { Checker } from "./checker.ts";
import { saysStopped } from "./words-of-report.ts";

export const liveQemuIsNeverStopped: Checker = {
  guarantee: "G8",
  report({ report, host, look }, _reference, world, fail) {
    for (const vmUuid of world.vms) {
      if (!saysStopped(report, vmUuid)) continue;
      if (!world.host(host).hadQemuThroughout(vmUuid, look.startedAtMs, look.finishedAtMs))
        continue;
      fail("G8", `${host} calls ${vmUuid} stopped although its QEMU lives`);
    }
  },
};
