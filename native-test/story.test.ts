// ZSTAC-80821 on a real QEMU: the management node that starts a VM dies, another one asks before
// and during the start, and no Stopped is ever said.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Report, VmsyncdClient } from "../src/client/client.ts";
import { AgentOnHost } from "./host/agent-on-host.ts";
import { domainUuid } from "./host/populated-host.ts";
import { PrivateHost } from "./host/private-host.ts";
import { waitUntil } from "./host/wait-until.ts";

const vm = { name: "web-7", uuid: domainUuid(7) };
const operationId = "start-web-7";

let host: PrivateHost;
let agent: AgentOnHost;
let client: VmsyncdClient;

beforeEach(async () => {
  host = await PrivateHost.start();
  const { readOnlySocket: libvirtSocket, procPath } = host;
  agent = await AgentOnHost.start({ libvirtSocket, procPath });
  client = agent.client;
  await waitUntil("a complete report", 10_000, async () => {
    return (await client.report()).observation.complete ? true : undefined;
  });
});

afterEach(async () => {
  await agent?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

let sequence = 0;
function speaker(id: string) {
  sequence += 1;
  return { id, epoch: 1, instance: `instance of ${id}`, sequence };
}

function sync(id: string): Promise<Report> {
  return client.sync({
    managementNode: speaker(id),
    skipList: [],
    expect: [vm.uuid],
    include: ["libvirt"],
  });
}

/** Asks as MN 2 over and over until the work is done; every single report is returned. */
async function reportsDuring(work: Promise<void>): Promise<Report[]> {
  const reports: Report[] = [];
  const over = new AbortController();
  const done = work.finally(() => over.abort());
  while (!over.signal.aborted) reports.push(await sync("mn-2"));
  await done;
  reports.push(await sync("mn-2"));
  return reports;
}

function expectSkipped(report: Report): void {
  expect(report.skipped.map(({ vmUuid }) => vmUuid)).toEqual([vm.uuid]);
  expect(report.states).not.toHaveProperty(vm.uuid);
  expect(report.withheld).toEqual([]);
}

function libvirtWords(report: Report): string {
  const words = report.libvirt?.[vm.uuid];
  return words === undefined ? "absent" : `${words.state ?? "-"}/${words.reason ?? "-"}`;
}

const kinds = [
  {
    kind: "transient, so absent before its start",
    prepare: async () => {},
    start: () => host.create(vm),
    wordsBefore: "absent",
  },
  {
    kind: "persistent, so shut off before its start",
    prepare: () => host.define(vm),
    start: () => host.start(vm.name),
    // libvirt says 5/0, and of a skipped VM not even these words are passed on.
    wordsBefore: "-/-",
  },
] as const;

describe.each(kinds)("a VM that is $kind", ({ prepare, start, wordsBefore }) => {
  test("is never called Stopped while its claim lives, and is once it really stopped", async () => {
    await prepare();
    await client.claim(vm.uuid, operationId, {
      managementNode: speaker("mn-1"),
      reason: "start",
    });
    // MN 1 is gone: it never speaks again.
    const before = await sync("mn-2");
    expectSkipped(before);
    expect(before.skipped[0]).not.toHaveProperty("alive");
    expect(libvirtWords(before)).toBe(wordsBefore);

    const during = await reportsDuring(start());
    for (const report of during) expectSkipped(report);
    const words = [...new Set(during.map(libvirtWords))];
    console.log(`${during.length} reports during the start; libvirt said ${words.join(", ")}`);
    expect(words).toContain("3/11");
    expect(words.at(-1)).toBe("1/1");
    expect(during.at(-1)?.skipped[0]?.alive).toBe(true);

    await client.continueClaim(vm.uuid, operationId, { owner: "mn-1" });
    expect((await sync("mn-2")).states[vm.uuid]).toBe("Running");

    await client.claim(vm.uuid, "stop-web-7", { managementNode: speaker("mn-2"), reason: "stop" });
    await host.destroy(vm.name);
    expect((await client.report()).skipped.map(({ vmUuid }) => vmUuid)).toEqual([vm.uuid]);
    await client.continueClaim(vm.uuid, "stop-web-7");
    expect((await sync("mn-2")).states[vm.uuid]).toBe("Stopped");
  });
});

test("without a claim the same start is called Stopped before it begins: the claim is what helps", async () => {
  const before = await sync("mn-2");
  expect(before.states[vm.uuid]).toBe("Stopped");
});

test("a start without a claim is Starting from the moment at which libvirt lists it", async () => {
  const reports = await reportsDuring(host.create(vm));
  const states = reports.map((report) => report.states[vm.uuid] ?? "withheld");
  const listed = states.slice(states.indexOf("Starting"));
  expect(states.indexOf("Starting")).toBeGreaterThanOrEqual(0);
  expect(listed).not.toContain("Stopped");
  expect(listed.at(-1)).toBe("Running");
});
