// An agent that is not root, before a libvirtd that does not let it in: it starts, says why, and
// heals by itself when it is let in.

import { appendFileSync, chmodSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Report, Status } from "../src/client/client.ts";
import { LibvirtClient } from "../src/libvirt/client.ts";
import { AgentOnHost } from "./host/agent-on-host.ts";
import { becomeNobody, becomeRoot } from "./host/nobody.ts";
import { PrivateHost } from "./host/private-host.ts";
import { waitUntil } from "./host/wait-until.ts";

const healsMs = 15_000;

let host: PrivateHost;

beforeEach(async () => {
  host = await PrivateHost.start();
});

afterEach(async () => {
  becomeRoot();
  await host[Symbol.asyncDispose]();
});

function startAgent(): Promise<AgentOnHost> {
  return AgentOnHost.start({ libvirtSocket: host.readOnlySocket, procPath: "/proc" });
}

function problemCodes(report: Report): string[] {
  return report.observation.problems.map(({ code }) => code);
}

async function libvirtUp({ client }: AgentOnHost): Promise<Status> {
  return waitUntil("libvirt to be up", healsMs, async () => {
    await client.report();
    const status = await client.status();
    return status.libvirt.up ? status : undefined;
  });
}

test("polkit cannot be asked: the report is incomplete and status says what to do", async () => {
  using _nobody = becomeNobody();
  await using agent = await startAgent();
  const report = await agent.client.report();
  expect(report.absentMeans).toBe("unknown");
  expect(problemCodes(report)).toContain("libvirt-unreachable");
  const { libvirt } = await agent.client.status();
  expect(libvirt).toMatchObject({ up: false, code: "authentication-refused" });
  expect(libvirt.detail).toMatch(/polkit.*system bus/);

  // The operator lets every local user read, without polkit.
  becomeRoot();
  appendFileSync(path.join(host.folder, "etc/libvirtd.conf"), 'auth_unix_ro = "none"\n');
  await host.restartDaemon();
  becomeNobody();
  expect(await libvirtUp(agent)).toMatchObject({ libvirt: { socket: host.readOnlySocket } });
  // The agent may have come back while this process was root: nobody gets in by himself, too.
  using client = await LibvirtClient.connect(host.readOnlySocket, {
    stepLimitMs: 2_000,
    keepalive: { intervalMs: 5_000, count: 5 },
  });
  expect(await client.allDomainStates()).toEqual([]);
});

test("the socket shuts this user out: status says permission denied, and heals", async () => {
  await host.terminateDaemon();
  appendFileSync(path.join(host.folder, "etc/libvirtd.conf"), 'auth_unix_ro = "none"\n');
  await host.startDaemon();
  chmodSync(host.readOnlySocket, 0o700);
  using _nobody = becomeNobody();
  await using agent = await startAgent();
  const report = await agent.client.report();
  expect(report.observation.complete).toBe(false);
  expect(report.absentMeans).toBe("unknown");
  const { libvirt } = await agent.client.status();
  expect(libvirt).toMatchObject({ up: false, code: "permission-denied" });

  becomeRoot();
  chmodSync(host.readOnlySocket, 0o777);
  becomeNobody();
  await libvirtUp(agent);
});
