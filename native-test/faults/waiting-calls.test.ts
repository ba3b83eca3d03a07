// libvirtd hangs as a whole, with both connections open: however often the agent is asked, two calls
// wait in libvirt, and no third one is made that would take another of its workers.

import path from "node:path";
import { expect, test } from "vitest";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { AgentOnHost } from "../host/agent-on-host.ts";
import { Asker } from "../host/asker.ts";
import { domainSpecs, startAll } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { RecordingProxy } from "../host/recording-proxy.ts";
import { isStop, saidOf } from "../host/said.ts";
import { waitUntil } from "../host/wait-until.ts";

const looks = 6;
/** The bulk call, and the one that asks whether libvirt answers at all. */
const waitingMax = 2;

test("waiting calls: while libvirtd hangs, two of them wait and no other is made", async () => {
  await using host = await PrivateHost.start();
  const domains = domainSpecs("paused", 2, 100);
  await startAll(host, domains, true);
  const proxyPath = path.join(host.folder, "proxy.sock");
  await using proxy = await RecordingProxy.start(proxyPath, host.readOnlySocket);
  const { procPath } = host;
  await using agent = await AgentOnHost.start({ libvirtSocket: proxyPath, procPath });
  const asker = new Asker(agent.client, { expect: domains.map(({ uuid }) => uuid) });
  await asker.complete();

  // The first late answer makes the agent connect a second time, for calls about one domain.
  await host.stopDaemon();
  await asker.ask();
  host.continueDaemon();
  await waitUntil("the second connection", 20_000, () => {
    return proxy.calls(procedures.connectOpen) >= 2 ? true : undefined;
  });
  await waitUntil("libvirt to be done with what it was asked", 20_000, async () => {
    await asker.complete();
    return (await agent.client.status()).libvirt.abandonedCalls === 0 ? true : undefined;
  });

  await host.stopDaemon();
  for (let look = 0; look < looks; look += 1) {
    const { report } = await asker.ask();
    expect(report.observation.complete).toBe(false);
    for (const { uuid } of domains) expect(saidOf(report, uuid)).not.toSatisfy(isStop);
    const { libvirt } = await agent.client.status();
    expect(libvirt.abandonedCalls, "calls that wait").toBeLessThanOrEqual(waitingMax);
  }
  const { libvirt } = await agent.client.status();
  expect(libvirt.abandonedCalls, "calls that wait in the end").toBe(waitingMax);
  expect(proxy.peak(procedures.connectGetAllDomainStats)).toBe(1);
  host.continueDaemon();

  await asker.complete();
  expect((await agent.client.status()).libvirt.abandonedCalls).toBe(0);
});
