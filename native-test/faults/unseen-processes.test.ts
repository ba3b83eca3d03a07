// libvirt says that a domain is active, and its QEMU is not seen: all processes may be hidden from
// the agent, or that one is gone. The agent here reads the processes of another host.

import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentOnHost } from "../host/agent-on-host.ts";
import { type Answer, Asker } from "../host/asker.ts";
import { domainUuid } from "../host/populated-host.ts";
import { PrivateHost } from "../host/private-host.ts";
import { isStop, libvirtWords, saidByName, saidOf } from "../host/said.ts";
import { waitUntil } from "../host/wait-until.ts";

const seen = { name: "seen", uuid: domainUuid(1) };
const unseen = { name: "unseen", uuid: domainUuid(2) };
const shutOff = { name: "shut-off", uuid: domainUuid(3) };
const looks = 20;

/** Whose libvirt is asked. */
let host: PrivateHost;
/** Whose processes are read. */
let other: PrivateHost;
let agent: AgentOnHost;
let asker: Asker;

beforeAll(async () => {
  [host, other] = await Promise.all([PrivateHost.start(), PrivateHost.start()]);
  for (const domain of [seen, unseen]) await host.create(domain, { paused: true });
  await host.define(shutOff);
  const { readOnlySocket: libvirtSocket } = host;
  agent = await AgentOnHost.start({ libvirtSocket, procPath: other.procPath });
  asker = new Asker(agent.client, { expect: [seen, unseen, shutOff].map(({ uuid }) => uuid) });
});

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  await other?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

/** Asks until libvirt has told of its domains: the first look may come before the connection. */
function heard(): Promise<Answer> {
  return waitUntil("libvirt to be heard", 20_000, async () => {
    const answer = await asker.ask();
    return libvirtWords(answer.report, seen.uuid) === "absent" ? undefined : answer;
  });
}

test("hidden processes: with active domains and no QEMU to be seen no stop is said", async () => {
  for (let look = 0; look < looks; look += 1) {
    const { report } = await heard();
    expect(saidOf(report, shutOff.uuid)).toBe("withheld: observation-incomplete");
    expect(report.absentMeans).toBe("unknown");
    for (const { uuid } of [seen, unseen]) expect(saidOf(report, uuid)).toBe("Paused");
    const codes = report.observation.problems.map(({ code }) => code);
    expect(codes).toEqual(["process-table-unreadable"]);
  }
});

test("no process: an active domain is withheld if other QEMUs are seen and not its own", async () => {
  // To the agent this is the QEMU of the host's own domain.
  await other.create(seen, { paused: true });
  for (let look = 0; look < looks; look += 1) {
    const { report } = await asker.complete();
    expect(saidByName(report, [seen, unseen])).toEqual({
      seen: "Paused",
      unseen: "withheld: no-process",
    });
    expect(saidOf(report, shutOff.uuid)).toSatisfy(isStop);
  }
});
