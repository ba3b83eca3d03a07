// When a stop is a fact: the QEMU is gone, and libvirt has noticed.

import { waitUntil } from "./wait-until.ts";
import type { DomainSpec } from "./domain-xml.ts";
import type { PrivateHost } from "./private-host.ts";

const limitMs = 30_000;

/** Resolves when the QEMU of a domain is gone. */
export async function untilQemuGone(host: PrivateHost, { name, uuid }: DomainSpec): Promise<void> {
  await waitUntil(`the QEMU of ${name} to be gone`, limitMs, async () => {
    return (await host.qemuPids()).has(uuid) ? undefined : true;
  });
}

/** Resolves when it is gone and libvirt calls the domain shut off, or does not list it any more. */
export async function untilStopped(host: PrivateHost, domain: DomainSpec): Promise<void> {
  await untilQemuGone(host, domain);
  await waitUntil(`libvirt to see that ${domain.name} stopped`, limitMs, async () => {
    const active = (await host.virsh("list", "--name")).split("\n").map((line) => line.trim());
    return active.includes(domain.name) ? undefined : true;
  });
}
