import type { ConformanceHost, DomainName } from "../test/conformance/conformance-host.ts";
import { libvirtConformance } from "../test/conformance/libvirt-conformance.ts";
import { PrivateHost } from "./host/private-host.ts";
import { waitUntil } from "./host/wait-until.ts";

const keepalive = { intervalMs: 1_000, count: 2 };

/** Writes what a guest writes to the ACPI port of this machine to switch it off. */
async function shutDownGuest(host: PrivateHost, { name, uuid }: DomainName): Promise<void> {
  const write = ["qemu-monitor-command", "--domain", name, "--hmp", "o/w 0x604 0x2000"];
  const hasEnded = async () => ((await host.qemuPids()).has(uuid) ? undefined : true);
  await waitUntil("the guest to switch off", 20_000, async () => {
    await host.virsh(...write);
    // Until the firmware has set up that port, the write goes nowhere.
    return waitUntil("QEMU to end", 1_000, hasEnded).catch(() => undefined);
  });
}

libvirtConformance("a real libvirtd", async (): Promise<ConformanceHost> => {
  const host = await PrivateHost.start({
    libvirtdSettings: [
      `keepalive_interval = ${keepalive.intervalMs / 1_000}`,
      `keepalive_count = ${keepalive.count}`,
    ],
  });
  return {
    socketPath: host.readOnlySocket,
    keepalive,
    define: (domain) => host.define(domain),
    undefine: ({ name }) => host.undefine(name),
    create: (domain, options) => host.create(domain, options),
    start: ({ name }, options) => host.start(name, options),
    suspend: ({ name }) => host.suspend(name),
    resume: ({ name }) => host.resume(name),
    destroy: ({ name }) => host.destroy(name),
    shutDownGuest: (domain) => shutDownGuest(host, domain),
    killProcess: ({ uuid }) => host.signalQemu(uuid, "KILL"),
    restartDaemon: () => host.restartDaemon(),
    hangDaemon: () => host.stopDaemon(),
    continueDaemon: () => host.continueDaemon(),
    destroySlowly: async ({ name, uuid }) => {
      // A QEMU that is stopped does not end at SIGTERM; libvirtd waits for it, all lists for libvirtd.
      await host.signalQemu(uuid, "STOP");
      const destroyed = host.destroy(name);
      destroyed.catch(() => {}); // told to whoever awaits it
      return async () => {
        await host.signalQemu(uuid, "CONT");
        await destroyed;
      };
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
});
