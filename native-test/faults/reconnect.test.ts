// What happened while libvirtd was away, no event tells: so the host is looked at as soon as it is
// back. And what happens from the first list on, events do tell: they are registered before it.

import { afterEach, beforeEach, expect, test } from "vitest";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainUuid } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { untilQemuGone, untilStopped } from "../host/stopped.ts";
import { waitUntil } from "../host/wait-until.ts";

/** Less than what the agent waits, by default, for a question before it looks by itself: 30 s. */
const looksWithinMs = 15_000;

let pair: HostWithAgent;
let host: PrivateHost;

beforeEach(async () => {
  pair = await HostWithAgent.start();
  ({ host } = pair);
});

afterEach(async () => {
  await pair?.[Symbol.asyncDispose]();
});

test("list after reconnect: a stop that no event told of is found, though nobody asks", async () => {
  const vm = { name: "vm", uuid: domainUuid(1) };
  // What it was shut off by, libvirt says of a persistent domain only.
  await host.define(vm);
  await host.start(vm.name, { paused: true });
  await pair.asker().complete();
  // From here on only the history is read: that makes no look.
  await host.killDaemon();
  await host.signalQemu(vm.uuid, "KILL");
  await untilQemuGone(host, vm);
  await host.startDaemon();
  const told = await waitUntil("the history to tell of the stop", looksWithinMs, async () => {
    const { entries } = await pair.agent.client.history({ vmUuid: vm.uuid });
    return entries.find(({ kind }) => kind === "vm-stopped");
  });
  expect(told.cause).toBe("crashed");
});

test.each([
  { when: "the agent has started", connect: async () => {} },
  { when: "libvirtd was restarted", connect: () => host.restartDaemon() },
])(
  "events before the list: once $when, what ends after the first list is told with its cause",
  async ({ connect }) => {
    const vm = { name: "vm", uuid: domainUuid(1) };
    await host.create(vm, { paused: true });
    const asker = pair.asker();
    await connect();
    await asker.complete();
    // Of a transient domain that is gone nothing but the event tells why it ended.
    await host.destroy(vm.name);
    await untilStopped(host, vm);
    const { report } = await asker.complete();
    expect(report.stops[vm.uuid]).toMatchObject({ cause: "destroyed" });
  },
);
