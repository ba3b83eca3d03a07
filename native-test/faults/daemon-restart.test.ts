// libvirtd is restarted, killed and hung under fifty domains, and one QEMU is: while it says
// nothing, refuses or comes back, no VM is stopped (G7), and what lives is not stopped (G8).

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AgentOnHost } from "../host/agent-on-host.ts";
import { Asker } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { createAll, domainSpecs, startAll } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { allSaid, isStop, saidByName, saidOf } from "../host/said.ts";
import { waitUntil } from "../host/wait-until.ts";

const restarts = 10;
const hangMs = 20_000;
/** What the product promises: twice the limit of an observation and half a second. */
const answerLimitMs = 2_500;
const looksAtStuck = 100;
const timeout = 300_000;

/** Without anything to boot a running domain takes a core, so that only one runs. */
const running = domainSpecs("running", 1, 100);
const persistent = domainSpecs("persistent", 25, 200);
const transient = domainSpecs("transient", 24, 300);
const shutOff = domainSpecs("shut-off", 2, 400);
const live = [...running, ...persistent, ...transient];

let host: PrivateHost;
let agent: AgentOnHost;
let asker: Asker;
let lies: string[];

beforeAll(async () => {
  host = await PrivateHost.start();
  await Promise.all([
    startAll(host, persistent, true),
    createAll(host, transient, true),
    startAll(host, running, false),
  ]);
  for (const domain of shutOff) await host.define(domain);
  const { readOnlySocket: libvirtSocket, procPath } = host;
  agent = await AgentOnHost.start({ libvirtSocket, procPath });
}, timeout);

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  lies = [];
  const all = [...live, ...shutOff].map(({ uuid }) => uuid);
  asker = new Asker(agent.client, { expect: all });
  asker.heed = ({ report }) => {
    const { complete } = report.observation;
    for (const { name, uuid } of live) {
      if (isStop(saidOf(report, uuid))) lies.push(`${name}, which lives: ${saidOf(report, uuid)}`);
    }
    // Of these a stop is true, yet an incomplete look cannot know it.
    for (const { name, uuid } of complete ? [] : shutOff) {
      if (isStop(saidOf(report, uuid))) lies.push(`${name}, unseen: ${saidOf(report, uuid)}`);
    }
  };
});

async function expectWhole(): Promise<void> {
  const { report } = await asker.complete();
  expect(saidByName(report, live)).toEqual({
    ...allSaid(live, "Paused"),
    ...allSaid(running, "Running"),
  });
  for (const { uuid } of shutOff) expect(saidOf(report, uuid)).toSatisfy(isStop);
  expect(report.absentMeans).toBe("stopped");
}

test.each([
  { how: "terminated", end: () => host.terminateDaemon() },
  { how: "killed", end: () => host.killDaemon() },
])(
  `incomplete look: libvirtd is $how ${restarts} times, and no live VM is said to be stopped`,
  { timeout },
  async ({ how, end }) => {
    await expectWhole();
    for (let restart = 0; restart < restarts; restart += 1) {
      await asker.during(end().then(() => host.startDaemon()));
      await expectWhole();
    }
    console.log(`libvirtd ${how} ${restarts} times: ${asker.summary()}`);
    expect(lies).toEqual([]);
    // Else it was not asked while libvirtd was away.
    expect(asker.incomplete).toBeGreaterThanOrEqual(restarts);
  },
);

test("incomplete look: libvirtd hangs, and every answer comes in time and says no stop", {
  timeout,
}, async () => {
  await expectWhole();
  await host.stopDaemon();
  const hung = Promise.withResolvers<void>();
  setTimeout(hung.resolve, hangMs);
  await asker.during(hung.promise);
  host.continueDaemon();
  console.log(`libvirtd stopped for ${hangMs} ms: ${asker.summary()}`);
  expect(asker.slowestMs).toBeLessThan(answerLimitMs);
  expect(asker.incomplete).toBe(asker.answers - 1);
  expect(lies).toEqual([]);
  await expectWhole();
});

test("a QEMU that hangs is what libvirt last knew of it, and the others are answered", {
  timeout,
}, async () => {
  await expectWhole();
  const stuck = [...running, ...transient.slice(0, 1)];
  for (const { uuid } of stuck) await host.signalQemu(uuid, "STOP");
  // Asked for by someone else, it keeps libvirt's monitor of that QEMU busy.
  const monitors = Promise.all(stuck.map(({ name }) => askMonitor(name)));
  for (const domain of stuck) await untilOccupied(domain);
  const complete = asker.incomplete;
  for (let look = 0; look < looksAtStuck; look += 1) await expectWhole();
  expect(asker.incomplete).toBe(complete);
  for (const { uuid } of stuck) await host.signalQemu(uuid, "CONT");
  await monitors;
  await expectWhole();
  console.log(`${stuck.length} QEMUs stopped: ${asker.summary()}`);
  expect(lies).toEqual([]);
  expect(asker.slowestMs).toBeLessThan(answerLimitMs);
});

function askMonitor(name: string): Promise<string> {
  return host.virsh("qemu-monitor-command", "--hmp", name, "info status");
}

/** The monitor's line is taken by a question that its QEMU does not answer. */
async function untilOccupied({ name }: DomainSpec): Promise<void> {
  await waitUntil(`the monitor of ${name} to be occupied`, 10_000, async () => {
    const state = await host.virsh("domcontrol", name);
    return state.startsWith("occupied") ? true : undefined;
  });
}
