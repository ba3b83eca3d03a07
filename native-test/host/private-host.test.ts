import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { readWithCLibrary } from "../oracle/c-library.ts";
import type { DomainSpec } from "./domain-xml.ts";
import { PrivateHost } from "./private-host.ts";
import { isAlive, threadStates } from "./process-table.ts";

const paused = { paused: true };

function domains(count: number): DomainSpec[] {
  return Array.from({ length: count }, (_, i) => ({ name: `vm-${i + 1}`, uuid: randomUUID() }));
}

async function startAll(host: PrivateHost, specs: DomainSpec[]): Promise<void> {
  await Promise.all(specs.map((spec) => host.create(spec, paused)));
}

/** The pids, as seen outside, of all processes in a host's pid namespace. */
async function processesOf(host: PrivateHost): Promise<number[]> {
  const namespaceOf = (pid: string) => readlink(`/proc/${pid}/ns/pid`).catch(() => "gone");
  const init = await namespaceOf(host.procPath.split("/")[2] ?? "");
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (/^\d+$/.test(name) && (await namespaceOf(name)) === init) found.push(Number(name));
  }
  return found;
}

/** What a host could leave on the machine apart from processes. */
async function machine() {
  const folders = ["/run", "/run/libvirt", "/etc/libvirt/qemu", "/var/lib/libvirt/qemu"];
  return {
    mounts: await readFile("/proc/self/mountinfo", "utf8"),
    folders: await Promise.all(folders.map((name) => readdir(name).catch(() => "absent"))),
    networks: await readdir("/sys/class/net"),
    controlGroups: await readdir("/sys/fs/cgroup").catch(() => "absent"),
  };
}

describe("a private host", () => {
  test("shows its domains alike in virsh, in the C library and in its process table", async () => {
    await using host = await PrivateHost.start();
    const specs = domains(3);
    await Promise.all(specs.map((spec) => host.define(spec)));
    const idle = { name: "never started & <odd>", uuid: randomUUID() };
    await host.define(idle);
    await Promise.all(specs.map((spec) => host.start(spec.name, paused)));

    const listed = (await host.virsh("list", "--all", "--name")).trim().split("\n");
    expect(listed.toSorted()).toEqual([...specs, idle].map(({ name }) => name).toSorted());
    const expected = [...specs.map((spec) => ({ ...spec, state: 3 })), { ...idle, state: 5 }];
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    for (const socket of [host.readOnlySocket, host.readWriteSocket]) {
      expect((await readWithCLibrary(socket)).toSorted(byName)).toEqual(expected.toSorted(byName));
    }
    const pids = await host.qemuPids();
    expect([...pids.keys()].toSorted()).toEqual(specs.map(({ uuid }) => uuid).toSorted());
  });

  test("runs, suspends, resumes, destroys and undefines a domain", async () => {
    await using host = await PrivateHost.start();
    const spec = { name: "vm", uuid: randomUUID(), machine: "q35", memoryMiB: 32 } as const;
    const state = async () => (await host.virsh("domstate", "vm", "--reason")).trim();
    await host.define(spec);
    expect(await state()).toBe("shut off (unknown)");
    await host.start("vm");
    expect(await state()).toBe("running (booted)");
    await host.suspend("vm");
    expect(await state()).toBe("paused (user)");
    await host.resume("vm");
    expect(await state()).toBe("running (unpaused)");
    await host.destroy("vm");
    expect(await state()).toBe("shut off (destroyed)");
    expect(await host.qemuPids()).toEqual(new Map());
    await host.undefine("vm");
    await expect(state()).rejects.toThrow(/cannot run virsh domstate vm --reason: .*get domain/);
  });

  test("sends a signal to the QEMU of one domain alone", async () => {
    await using host = await PrivateHost.start();
    const [victim, other] = domains(2) as [DomainSpec, DomainSpec];
    await startAll(host, [victim, other]);
    await host.signalQemu(victim.uuid, "KILL");
    await expect.poll(async () => [...(await host.qemuPids()).keys()]).toEqual([other.uuid]);
    await expect(host.signalQemu(victim.uuid, "KILL")).rejects.toThrow("no QEMU of");
  });

  test("is silent while its libvirtd is stopped, and answers when it goes on", async () => {
    await using host = await PrivateHost.start();
    const pid = host.daemonPid();
    expect(await readFile(`/proc/${pid}/comm`, "utf8")).toBe("libvirtd\n");
    await host.stopDaemon();
    expect(new Set(threadStates(pid))).toEqual(new Set(["T"]));
    const answer = host.virsh("list", "--all", "--name");
    const silence = new Promise((resolve) => setTimeout(resolve, 200, "silence"));
    expect(await Promise.race([answer, silence])).toBe("silence");
    host.continueDaemon();
    expect((await answer).trim()).toBe("");
  });

  test("keeps its domains over a restart of libvirtd, orderly or by force", async () => {
    await using host = await PrivateHost.start();
    const specs = domains(3);
    await startAll(host, specs);
    const list = async () => (await host.virsh("list", "--uuid")).trim().split("\n").toSorted();
    const [pids, listed, first] = [await host.qemuPids(), await list(), host.daemonPid()];

    await host.restartDaemon();
    const second = host.daemonPid();
    expect(second).not.toBe(first);
    expect(await list()).toEqual(listed);
    await host.killDaemon();
    expect(isAlive(second)).toBe(false);
    expect(() => host.daemonPid()).toThrow("cannot name libvirtd's pid");
    await expect(host.virsh("list")).rejects.toThrow("Connection refused");
    await host.startDaemon();
    expect(await list()).toEqual(listed);
    expect(await host.qemuPids()).toEqual(pids);
  });

  test("leaves nothing behind, and the machine's libvirt as it was", async () => {
    const before = await machine();
    const host = await PrivateHost.start();
    const specs = domains(2);
    await startAll(host, specs);
    // The hardest to end: stopped ones.
    await host.signalQemu(specs[0]?.uuid ?? "", "STOP");
    await host.stopDaemon();
    const processes = await processesOf(host);
    // bash, virtlogd, libvirtd and two QEMUs.
    expect(processes.filter(isAlive).length).toBe(5);
    await host[Symbol.asyncDispose]();
    expect(processes.filter(isAlive)).toEqual([]);
    expect(existsSync(host.folder)).toBe(false);
    expect(await machine()).toEqual(before);
  });

  test("ends with a test process that is killed", async () => {
    const module = JSON.stringify(path.join(import.meta.dirname, "private-host.ts"));
    const script = `const { PrivateHost } = await import(${module});
      const host = await PrivateHost.start();
      await host.create({ name: "vm", uuid: "${randomUUID()}" }, { paused: true });
      console.log(JSON.stringify({ folder: host.folder, procPath: host.procPath }));`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const host = JSON.parse(line.toString()) as PrivateHost;
    const processes = await processesOf(host);
    expect(processes.filter(isAlive).length).toBe(4);
    child.kill("SIGKILL");
    await expect.poll(() => processes.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    expect(existsSync(host.folder)).toBe(false);
  });

  test("has the devices of the machine, links as links, without KVM", async () => {
    await using host = await PrivateHost.start();
    const devices = path.join(host.procPath, "../dev");
    expect(await readdir(devices)).toEqual(expect.arrayContaining(["null", "ptmx", "urandom"]));
    expect(existsSync(path.join(devices, "kvm"))).toBe(false);
    expect(await readlink(path.join(devices, "fd"))).toBe("/proc/self/fd");
    expect((await stat(path.join(devices, "null"))).isCharacterDevice()).toBe(true);
  });

  test("neither sees the QEMUs of another one nor its domains", async () => {
    await using left = await PrivateHost.start();
    await using right = await PrivateHost.start();
    const [a, b] = [domains(1), domains(1)];
    await Promise.all([startAll(left, a), startAll(right, b)]);
    expect([...(await left.qemuPids()).keys()]).toEqual([a[0]?.uuid]);
    expect([...(await right.qemuPids()).keys()]).toEqual([b[0]?.uuid]);
    expect((await left.virsh("list", "--uuid")).trim()).toBe(a[0]?.uuid);
    expect((await right.virsh("list", "--uuid")).trim()).toBe(b[0]?.uuid);
    const hostUuid = /<uuid>(.*)<\/uuid>/;
    const [l, r] = await Promise.all([left, right].map((host) => host.virsh("capabilities")));
    expect(hostUuid.exec(l ?? "")?.[1]).not.toBe(hostUuid.exec(r ?? "")?.[1]);
  });

  test("that cannot start says what libvirtd said, and leaves nothing behind", async () => {
    const before = await machine();
    // A folder for temporary files that no other process uses.
    const folder = await mkdtemp(path.join(tmpdir(), "private-host-test-"));
    vi.stubEnv("TMPDIR", folder);
    try {
      const start = PrivateHost.start({ libvirtdSettings: ["max_clients = many"] });
      await expect(start).rejects.toThrow(/it does not run[^]*libvirtd.conf/);
      expect(await readdir(folder)).toEqual([]);
      expect(await machine()).toEqual(before);
    } finally {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  });

  test("starts twenty paused domains at once", async () => {
    await using host = await PrivateHost.start();
    await startAll(host, domains(20));
    const listed = await readWithCLibrary(host.readOnlySocket);
    expect(listed.map(({ state }) => state)).toEqual(Array(20).fill(3));
    expect(new Set((await host.qemuPids()).keys())).toEqual(new Set(listed.map((vm) => vm.uuid)));
  });
});
