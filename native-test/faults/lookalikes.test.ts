// Processes whose command lines carry a VM's uuid and that are not its QEMU: the program is what
// counts, so that a stopped VM stays Stopped beside all of them.

import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { spawnOnHost } from "../host/namespace-process.ts";
import { domainUuid } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { readCommandLines } from "../host/process-table.ts";
import { isStop, saidOf } from "../host/said.ts";
import { waitUntil } from "../host/wait-until.ts";

const looks = 100;
/** A persistent domain that is shut off, and a transient one that is not there. */
const shutOff = { name: "shut-off", uuid: domainUuid(1) };
const absent = { name: "absent", uuid: domainUuid(2) };
const vms = [shutOff, absent];

let pair: HostWithAgent;
let host: PrivateHost;
/** Where programs can be put that the host sees too. */
let folder: string;

beforeAll(async () => {
  pair = await HostWithAgent.start();
  ({ host } = pair);
  folder = path.join(host.folder, "lib");
  await host.define(shutOff);
});

afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
});

/** A shell that waits for input, with arguments of which it knows nothing. */
function waiting(uuid: string): string[] {
  return ["-c", "read -r _", "waiting", "-uuid", uuid];
}

/** The same shell as a program of another name. */
async function named(name: string): Promise<string> {
  await copyFile("/bin/bash", path.join(folder, name));
  return `/var/lib/libvirt/${name}`;
}

/** A script of that name: the kernel gives it the name, and its interpreter the command line. */
async function script(name: string): Promise<string> {
  await writeFile(path.join(folder, name), "#!/bin/bash\nread -r _\n", { mode: 0o755 });
  return `/var/lib/libvirt/${name}`;
}

const imageTools = ["qemu-img", "qemu-nbd", "qemu-io", "qemu-storage-daemon"];

const lookalikes: { what: string; start: (uuid: string) => Promise<[string, string[]]> }[] = [
  { what: "a shell with -uuid", start: async (uuid) => ["bash", waiting(uuid)] },
  { what: "grep -uuid", start: async (uuid) => ["grep", ["--", `-uuid ${uuid}`]] },
  ...imageTools.map((name) => ({
    what: name,
    start: async (uuid: string): Promise<[string, string[]]> => [await named(name), waiting(uuid)],
  })),
  {
    what: "a script called as QEMU's wrapper",
    start: async (uuid) => [await script("qemu-system-x86_64-wrapper"), ["-uuid", uuid]],
  },
  {
    // As an appliance is started to look into the disk of a VM that is off: a real QEMU, not its.
    what: "the QEMU of a rescue appliance",
    start: async (uuid) => [
      "qemu-system-x86_64",
      `-machine none -display none -nodefaults -monitor stdio -name guestfs-${uuid}`.split(" "),
    ],
  },
];

test.each(lookalikes)(
  "program match of QEMU: beside $what a stopped VM is Stopped",
  async ({ start }) => {
    const asker = pair.asker({ expect: vms.map(({ uuid }) => uuid) });
    const started = await Promise.all(
      vms.map(async ({ uuid }) => spawnOnHost(host, ...(await start(uuid)))),
    );
    for (const { uuid } of vms) await untilShown(uuid);
    for (let look = 0; look < looks; look += 1) {
      const { report } = await asker.complete();
      for (const { uuid } of vms) expect(saidOf(report, uuid)).toSatisfy(isStop);
    }
    // They were there all the time.
    for (const { uuid } of vms) await untilShown(uuid);
    for (const child of started) child.stdin.end("quit\n");
    await waitUntil("the lookalikes to end", 10_000, () => {
      const lines = readCommandLines(host.procPath).join("\n");
      return vms.some(({ uuid }) => lines.includes(uuid)) ? undefined : true;
    });
  },
);

/** Resolves when a command line in the host's process table shows the uuid. */
async function untilShown(uuid: string): Promise<void> {
  await waitUntil(`a process with ${uuid}`, 10_000, () => {
    const isShown = readCommandLines(host.procPath).some((line) => {
      // nsenter itself is outside of the host and not in its process table.
      return line.includes(uuid);
    });
    return isShown ? true : undefined;
  });
}
