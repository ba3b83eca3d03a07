import { describe, expect, test, vi } from "vitest";
import { LibvirtClient } from "../../src/libvirt/client.ts";
import { LibvirtLink, type LinkState } from "../../src/libvirt/link.ts";
import { SocketDiscovery } from "../../src/libvirt/socket-discovery.ts";
import { clientOptions, failureCode, patience, type Subject, until } from "./subject.ts";

const shortMs = 200;

export function outageConformance(subject: () => Subject): void {
  describe("outages", () => {
    test("a call of a daemon that hangs ends at its limit, and its late answer is dropped", async () => {
      const client = await subject().client({ stepLimitMs: shortMs });
      await subject().host.hangDaemon();
      const late = [client.hostname(), client.libraryVersion()];
      for (const call of late) expect(await failureCode(call)).toBe("timeout");
      expect(client.abandonedCalls).toBe(2);
      subject().host.continueDaemon();
      await until("the late answers", () => client.abandonedCalls === 0);
      expect(await client.hostname()).toMatch(/\S/);
    });

    test("connecting to a daemon that hangs ends at its limit", async () => {
      const { host } = subject();
      await host.hangDaemon();
      const options = { ...clientOptions, stepLimitMs: shortMs };
      const connecting = LibvirtClient.connect(host.socketPath, options);
      expect(await failureCode(connecting)).toBe("timeout");
      host.continueDaemon();
      expect(await (await subject().client()).hostname()).toMatch(/\S/);
    });

    test("a daemon that hangs is found out by keepalive alone", async () => {
      const client = await subject().client({ keepalive: { intervalMs: 50, count: 2 } });
      const bulk = client.allDomainStates();
      await bulk;
      await subject().host.hangDaemon();
      const pending = client.allDomainStates();
      expect(await failureCode(pending)).toBe("keepalive-lost");
      await expect(client.closed).resolves.toMatchObject({ code: "keepalive-lost" });
      subject().host.continueDaemon();
    });

    test("an answer that was under way when the daemon hung is the true one", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      await subject().host.hangDaemon();
      const states = client.allDomainStates();
      subject().host.continueDaemon();
      expect(await states).toMatchObject([{ uuid: domain.uuid, state: 3, reason: 1 }]);
    });

    test("a restart ends a connection once; the link heals, and the domains are there", async () => {
      const { host } = subject();
      const running = await subject().started({ paused: true });
      const defined = await subject().defined();
      const onChange = vi.fn<(state: LinkState) => void>();
      const link = new LibvirtLink(new SocketDiscovery(host.socketPath), {
        ...clientOptions,
        demandIntervalMs: 0,
        onChange,
      });
      try {
        const first = await link.client();
        const before = await first.allDomainStates();
        const deaths = vi.fn<() => void>();
        void first.closed.then(deaths);
        await host.restartDaemon();
        await expect(first.closed).resolves.toMatchObject({ code: "connection-lost" });
        expect(await failureCode(first.hostname())).toBe("connection-lost");
        await until("the link to heal", () => link.state.up);
        const after = await (await link.client()).allDomainStates();
        expect(deaths).toHaveBeenCalledTimes(1);
        expect(after).toEqual(expect.arrayContaining(before));
        expect(new Set(after.map(({ uuid }) => uuid))).toEqual(
          new Set([running, defined].map(({ uuid }) => uuid)),
        );
        const ups = onChange.mock.calls.filter(([state]) => state.up);
        expect(ups.length).toBe(2);
      } finally {
        link.stop();
      }
    });

    test("after a restart events come again to a client that connects again", async () => {
      await subject().host.restartDaemon();
      const { events } = await subject().listener();
      await subject().defined();
      await expect.poll(() => events.length, patience).toBe(1);
    });
  });
}
