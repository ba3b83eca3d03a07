import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DomainEvent } from "../../src/libvirt/codec/messages.ts";
import { SimulatedDomains } from "../../src/simulator/domains.ts";
import { SocketFolder } from "../libvirt/socket-folder.ts";

const uuid = "00000000-0000-4000-8000-000000000001";
let folder: SocketFolder;
let domains: SimulatedDomains;
let events: DomainEvent[];

beforeEach(() => {
  folder = new SocketFolder();
  domains = new SimulatedDomains(folder.path, { execMs: 1, startMs: 2 });
  events = [];
  domains.eventSink = (event) => events.push(event);
});
afterEach(() => {
  domains.close();
  folder[Symbol.dispose]();
});

/** What the process table says of the one QEMU or child of libvirtd in it. */
function processOf(): { pid: number; comm: string; startTime: string; command: string[] } {
  const pid = 1_001;
  const read = (file: string): string =>
    readFileSync(path.join(folder.path, `${pid}`, file), "utf8");
  const stat = read("stat");
  const comm = /\((.*)\)/.exec(stat)?.[1] ?? "";
  const startTime = stat.slice(stat.indexOf(")") + 2).split(" ")[19] ?? "";
  return { pid, comm, startTime, command: read("cmdline").split("\0") };
}

describe("the process of a domain", () => {
  test("is a child of libvirtd first and becomes QEMU with the same pid and start time", async () => {
    domains.define("alpha", uuid);
    const starting = domains.start(uuid);
    const child = processOf();
    expect(child).toMatchObject({ comm: "rpc-libvirtd", command: ["/usr/sbin/libvirtd", ""] });
    expect(domains.find(uuid)).toMatchObject({ state: 3, reason: 11, id: 1 });
    await starting;
    const { pid, comm, startTime, command } = processOf();
    expect([pid, comm, startTime]).toEqual([child.pid, "qemu-system-x86", child.startTime]);
    expect(command.slice(1, 5)).toEqual(["-name", "guest=alpha,debug-threads=on", "-uuid", uuid]);
  });

  test.each(["destroy", "shutdown", "fail"] as const)("is gone after %s", async (end) => {
    domains.define("alpha", uuid);
    await domains.start(uuid);
    const { pid } = processOf();
    domains[end](uuid);
    expect(existsSync(path.join(folder.path, String(pid)))).toBe(false);
    expect(domains.find(uuid)).toMatchObject({ id: -1, state: 5 });
  });

  test("is gone when it was lost, and libvirt still says that it runs", async () => {
    await domains.start(uuid, { name: "alpha" });
    const { pid } = processOf();
    domains.loseProcess(uuid);
    expect(existsSync(path.join(folder.path, String(pid)))).toBe(false);
    expect(domains.find(uuid)).toMatchObject({ id: 1, state: 1 });
  });

  test("lives on when libvirt forgot its domain, or says another state", async () => {
    await domains.start(uuid, { name: "alpha" });
    domains.setState(uuid, 5, 0, -1);
    expect(domains.find(uuid)).toMatchObject({ id: -1, state: 5, reason: 0 });
    expect(processOf().comm).toBe("qemu-system-x86");
    domains.forget(uuid);
    expect(domains.find(uuid)).toBeUndefined();
    expect(processOf().comm).toBe("qemu-system-x86");
  });
});

test("a domain that is destroyed while it starts stays stopped", async () => {
  domains.define("alpha", uuid);
  const starting = domains.start(uuid);
  domains.destroy(uuid);
  await starting;
  expect(domains.find(uuid)).toMatchObject({ id: -1, state: 5, reason: 2 });
  expect(events.at(-1)).toMatchObject({ event: 5, detail: 1 });
});

describe("what a real one refuses is refused:", () => {
  const changesOfRunning = ["suspend", "resume", "destroy", "shutdown", "fail"] as const;

  test("any change of a domain that is not there", () => {
    for (const change of [...changesOfRunning, "reboot", "undefine"] as const) {
      expect(() => domains[change](uuid)).toThrow("no domain has this uuid");
    }
  });

  test("a change that needs a running domain", () => {
    domains.define("alpha", uuid);
    for (const change of changesOfRunning) {
      expect(() => domains[change](uuid)).toThrow("cannot change alpha: it is not running");
    }
    expect(domains.find(uuid)).toMatchObject({ state: 5, reason: 0 });
  });

  test("a start of what runs, or of what nobody defined or named", async () => {
    await expect(domains.start(uuid)).rejects.toThrow("no domain has this uuid");
    await domains.start(uuid, { name: "alpha" });
    await expect(domains.start(uuid)).rejects.toThrow("it is running");
  });

  test("undefining a transient domain", async () => {
    await domains.start(uuid, { name: "alpha" });
    expect(() => domains.undefine(uuid)).toThrow("cannot undefine alpha: it is transient");
  });
});

test("a reboot is an event of its own kind", async () => {
  await domains.start(uuid, { name: "alpha" });
  domains.reboot(uuid);
  expect(events.at(-1)).toMatchObject({ kind: "reboot", domain: { name: "alpha", uuid, id: 1 } });
});
