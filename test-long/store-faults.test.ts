// What happens to a store at night: a second agent, a full disk, a folder that is gone. In every case a
// claim that is answered 2xx is durable, and reports go on.

import { copyFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Program } from "../test/daemon/program.ts";
import { SimulatedHost } from "../test/daemon/simulated-host.ts";
import { MountedFolder } from "../test/store/mounted-folder.ts";
import { AgentProcess } from "./host/agent-process.ts";
import { claimedVms, Speaker } from "./host/statements.ts";

const poll = { timeout: 20_000, interval: 20 };
/** Files that a child without privileges can use too. */
const nobody = 65_534;

function storeFile(host: SimulatedHost, suffix = ""): string {
  return host.folder.file(`store/store.db${suffix}`);
}

/** An agent that knows of no loss: what it says of claims is what it was told. */
async function agentWithClaims(host: SimulatedHost, flags: readonly string[] = []) {
  const agent = await AgentProcess.serving(host, { flags });
  await agent.client.endAmnesia("operator");
  const speaker = new Speaker(agent.client);
  return { agent, speaker, claimed: await speaker.claimMany(5) };
}

/** What an agent does whose disk takes nothing. */
async function behaviour({ client }: AgentProcess, speaker: Speaker) {
  const { vmUuid, refused } = await speaker.claim();
  const isRolledBack = !(await claimedVms(client)).includes(vmUuid);
  const skipList = [{ vmUuid, operationId: "listed", reason: "start" }];
  const { claimsStored, skipped } = await client.sync({ managementNode: speaker.node, skipList });
  const isListed = skipped.some((vm) => vm.vmUuid === vmUuid);
  const { durable } = await client.continueClaim(vmUuid, "listed");
  const isContinued = !(await claimedVms(client)).includes(vmUuid);
  const { complete } = (await client.report()).observation;
  const { writable } = (await client.status()).store;
  const list = { claimsStored, isListed };
  return { refused, isRolledBack, list, continue: { durable, isContinued }, complete, writable };
}

/** Claims are refused, all else goes on, and all of it is said. */
const unwritable = {
  refused: "not-stored",
  isRolledBack: true,
  list: { claimsStored: false, isListed: true },
  continue: { durable: false, isContinued: true },
  complete: true,
  writable: false,
};

/** Which of these VMs have no claim after kill -9 and a start. */
async function lostByKill(
  host: SimulatedHost,
  agent: AgentProcess,
  vms: readonly string[],
  flags: readonly string[] = [],
): Promise<string[]> {
  await agent.kill();
  await using next = await AgentProcess.serving(host, { flags });
  const claimed = await claimedVms(next.client);
  return vms.filter((vmUuid) => !claimed.includes(vmUuid));
}

describe("two agents", () => {
  test("the second on a store ends with a sentence, and the first goes on", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker, claimed } = await agentWithClaims(host);
    await using first = agent;
    const other = ["--http-socket", host.folder.file("other.sock")];
    await using second = Program.node("bin/vmsyncd.mjs", [...host.flags(), ...other]);
    const { code, error } = await second.ended;
    expect({ code, error }).toMatchObject({
      code: 1,
      error: expect.stringMatching(/one agent per store/),
    });
    const { vmUuid, refused } = await speaker.claim();
    expect(refused).toBe(undefined);
    expect(await lostByKill(host, first, [...claimed, vmUuid])).toEqual([]);
  });

  test("one whose lock was removed for another does not answer 2xx any more", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker } = await agentWithClaims(host);
    await using first = agent;
    rmSync(host.folder.file("store/store.lock"));
    const socketPath = host.folder.file("other.sock");
    await using second = new AgentProcess(host, {
      flags: ["--http-socket", socketPath],
      socketPath,
    });
    const start = second
      .answer((client) => client.status())
      .then(
        () => "serves",
        () => "does not start",
      );
    // Either the store stays the first one's, or it is the second one's alone.
    const isTaken = (await start) === "serves";
    const { refused } = await speaker.claim();
    expect(refused).toBe(isTaken ? "not-stored" : undefined);
    expect(first.program.child.exitCode).toBe(null);
  });
});

describe("while the agent runs", () => {
  test("the folder is removed: nothing is called durable, and the next start is amnesia", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker, claimed } = await agentWithClaims(host);
    await using first = agent;
    const { agent: before } = await first.client.status();
    rmSync(host.folder.file("store"), { recursive: true });
    // It has them in memory.
    expect(await claimedVms(first.client)).toEqual(expect.arrayContaining(claimed));
    expect(await behaviour(first, speaker)).toEqual(unwritable);
    await first.kill();
    await using next = await AgentProcess.serving(host);
    const { amnesia, agent: run } = await next.client.status();
    expect(amnesia).toMatchObject({ reason: "new-store" });
    expect(run.storeId).not.toBe(before.storeId);
  });

  test("the database is replaced by a copy of it: nothing is called durable", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker } = await agentWithClaims(host);
    await using first = agent;
    copyFileSync(storeFile(host), storeFile(host, ".copy"));
    renameSync(storeFile(host, ".copy"), storeFile(host));
    expect(await behaviour(first, speaker)).toEqual(unwritable);
  });

  test("the log is removed: what is answered 2xx survives all the same", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker, claimed } = await agentWithClaims(host);
    await using first = agent;
    rmSync(storeFile(host, "-wal"));
    const one = await speaker.claimMany(1);
    const others = await speaker.claimMany(5);
    expect(await lostByKill(host, first, [...claimed, ...one, ...others])).toEqual([]);
  });

  test("rubbish is put in its place: it is set aside at the next start, and not deleted", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker } = await agentWithClaims(host);
    await using first = agent;
    writeFileSync(storeFile(host, ".rubbish"), "rubbish ".repeat(4_000));
    renameSync(storeFile(host, ".rubbish"), storeFile(host));
    expect((await speaker.claim()).refused).toBe("not-stored");
    await first.kill();
    // With its log it would be whole again: all of it is in there yet.
    rmSync(storeFile(host, "-wal"));
    await using next = await AgentProcess.serving(host);
    expect((await next.client.status()).amnesia).toMatchObject({ reason: "damaged-store" });
    const aside = readdirSync(host.folder.file("store")).filter((name) => {
      return /^store\.db\.damaged-\d{4}-\d\d-\d\dT[\d-]+Z$/.test(name);
    });
    expect(aside).toHaveLength(1);
    expect(statSync(host.folder.file(path.join("store", aside[0] ?? ""))).size).toBe(32_000);
  });
});

describe("a disk", () => {
  test("that is full refuses claims, and takes them again when there is room", async () => {
    await using host = await SimulatedHost.start();
    using disk = new MountedFolder();
    const flags = ["--store-folder", disk.path];
    const { agent, speaker, claimed } = await agentWithClaims(host, flags);
    await using first = agent;
    disk.fill();
    // The log may have room for some more yet.
    const accepted: string[] = [];
    await vi.waitFor(async () => {
      const { vmUuid, refused } = await speaker.claim();
      if (refused === undefined) accepted.push(vmUuid);
      expect(refused).toBe("not-stored");
    }, poll);
    expect((await first.client.status()).store).toMatchObject({ writable: false, code: "full" });
    expect((await first.client.report()).observation.complete).toBe(true);
    disk.makeRoom();
    await vi.waitFor(async () => {
      expect((await first.client.status()).store.writable).toBe(true);
    }, poll);
    const later = await speaker.claimMany(5);
    expect(await lostByKill(host, first, [...claimed, ...accepted, ...later], flags)).toEqual([]);
  });

  test("that is full at kill -9 loses nothing that was acknowledged", async () => {
    await using host = await SimulatedHost.start();
    using disk = new MountedFolder();
    const flags = ["--store-folder", disk.path];
    const { agent, claimed } = await agentWithClaims(host, flags);
    await using first = agent;
    disk.fill();
    expect(await lostByKill(host, first, claimed, flags)).toEqual([]);
  });

  test("that becomes read-only refuses claims, also at the next start", async () => {
    await using host = await SimulatedHost.start();
    using disk = new MountedFolder();
    const flags = ["--store-folder", disk.path];
    const { agent, claimed } = await agentWithClaims(host, flags);
    await using first = agent;
    const { agent: before } = await first.client.status();
    await first.kill();
    disk.makeReadOnly();
    await using next = await AgentProcess.serving(host, { flags });
    const { amnesia, agent: run } = await next.client.status();
    expect(amnesia).toMatchObject({ reason: "unwritable-store" });
    expect(run.storeId).not.toBe(before.storeId);
    expect(await claimedVms(next.client)).toEqual(expect.arrayContaining(claimed));
    expect((await new Speaker(next.client, "mn-2").claim()).refused).toBe("not-stored");
    const { store } = await next.client.status();
    expect(store).toMatchObject({ writable: false, code: "read-only" });
  });
});

test("a folder that this user may not read ends the start with a sentence", async () => {
  await using host = await SimulatedHost.start();
  {
    const { agent } = await agentWithClaims(host);
    await using _ = agent;
  }
  const socket = ["--http-socket", "/tmp/vmsyncd-nobody.sock"];
  await using program = Program.node("bin/vmsyncd.mjs", [...host.flags(), ...socket], {
    uid: nobody,
  });
  const { code, error } = await program.ended;
  expect(code).toBe(1);
  expect(error).toMatch(
    /^cannot start vmsyncd: cannot .*store.*must belong to the user of the agent\n$/,
  );
});

describe("SIGTERM while the disk hangs in a flush", () => {
  /** The store is given up 5 s after the signal, the log 1 s later; a busy machine may add as much. */
  const endLimitMs = 7_000;

  test("ends the agent all the same, and what it acknowledged is there", async () => {
    await using host = await SimulatedHost.start();
    const { agent, speaker, claimed } = await agentWithClaims(host);
    await using first = agent;
    const inject = "--inject=fsync,fdatasync:delay_enter=60000000";
    const options = ["--follow-forks", "--output=/dev/null", "--trace=fsync,fdatasync", inject];
    await using strace = new Program("strace", [...options, `--attach=${first.pid}`]);
    await vi.waitFor(() => expect(strace.error).toContain("attached"), poll);
    const claim = speaker.claim();
    // It hangs now: the commit of a claim takes milliseconds otherwise.
    await vi.waitFor(async () => {
      expect((await first.client.status()).store.writable).toBe(false);
    }, poll);
    expect((await claim).refused).toBe("not-stored");
    const startedAt = performance.now();
    first.program.child.kill("SIGTERM");
    await vi.waitFor(() => expect(first.program.out).toContain("killing this process"), poll);
    expect(performance.now() - startedAt).toBeLessThan(endLimitMs);
    // A thread that the tracer delays dies only when the tracer looks at it again, or is gone.
    strace.child.kill("SIGKILL");
    expect((await first.program.ended).signal).toBe("SIGKILL");
    await using next = await AgentProcess.serving(host);
    expect(await claimedVms(next.client)).toEqual(expect.arrayContaining(claimed));
  });
});
