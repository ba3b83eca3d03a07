// libvirt answers late, and of a later moment than that at which the processes were read.

import path from "node:path";
import { expect, test } from "vitest";
import { AgentOnHost } from "../host/agent-on-host.ts";
import { Asker } from "../host/asker.ts";
import { HoldingProxy } from "../host/holding-proxy.ts";
import { domainUuid } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { saidOf } from "../host/said.ts";

/** The longest that can be configured: a whole start fits in. */
const observationLimitMs = 10_000;

test("second look at processes: a start in the middle of the first is seen, not withheld", async () => {
  await using host = await PrivateHost.start();
  const { procPath, readOnlySocket } = host;
  await using proxy = await HoldingProxy.start(path.join(host.folder, "proxy"), readOnlySocket);
  const where = { libvirtSocket: proxy.path, procPath };
  await using agent = await AgentOnHost.start(where, { observationLimitMs });
  const vm = { name: "vm", uuid: domainUuid(1) };
  const asker = new Asker(agent.client, { expect: [vm.uuid] });
  await asker.complete();
  // The agent looks once more when libvirt has come up: that look must not be the one that is held.
  await asker.complete();

  const held = proxy.hold();
  const answer = asker.ask();
  await held;
  // The processes were read when the question came; the domain exists only from here on.
  await host.create(vm, { paused: true });
  proxy.release();
  const { report } = await answer;
  expect(report.observation.complete).toBe(true);
  expect(saidOf(report, vm.uuid)).toBe("Paused");
});
