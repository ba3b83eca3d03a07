// The link against a simulated libvirtd on a real socket, in real time, with bounded polls.

import { renameSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LibvirtLink, type LinkOptions, type LinkState } from "../../src/libvirt/link.ts";
import { SocketDiscovery } from "../../src/libvirt/socket-discovery.ts";
import { Simulator } from "../../src/simulator/simulator.ts";
import { SocketFolder } from "./socket-folder.ts";

const waitMs = 5_000;
let folder: SocketFolder;
let simulator: Simulator;
const links: LibvirtLink[] = [];

beforeEach(async () => {
  folder = new SocketFolder();
  simulator = await Simulator.start({ folder: folder.path });
});
afterEach(async () => {
  for (const link of links.splice(0)) link.stop();
  await simulator[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function openLink(options: Partial<LinkOptions> = {}, discovery?: SocketDiscovery) {
  const changes: LinkState[] = [];
  const link = new LibvirtLink(discovery ?? new SocketDiscovery(simulator.socketPath), {
    stepLimitMs: 1_000,
    keepalive: { intervalMs: 5_000, count: 3 },
    backOff: { firstMs: 20, maxMs: 100 },
    demandIntervalMs: 0,
    onChange: (state) => changes.push(state),
    ...options,
  });
  links.push(link);
  return { link, changes };
}

const until = (link: LibvirtLink, up: boolean): Promise<void> =>
  vi.waitFor(() => expect(link.state.up).toBe(up), { timeout: waitMs, interval: 5 });

describe("the link", () => {
  test("is down with a cause until it is started, then up on its socket", async () => {
    const { link, changes } = openLink();
    expect(link.state).toMatchObject({ up: false, cause: { code: "closed" } });
    link.start();
    await until(link, true);
    expect(changes).toMatchObject([{ up: true, socket: simulator.socketPath }]);
    expect(await (await link.client()).hostname()).toBe("simulated-host");
  });

  test.each([
    ["terminated", () => simulator.terminate(), "no-socket"],
    ["killed", () => simulator.kill(), "connect-failed"],
  ])("heals by itself after libvirt was %s", async (_, end, cause) => {
    const { link, changes } = openLink();
    link.start();
    await until(link, true);
    await end();
    await vi.waitFor(() => expect(link.state).toMatchObject({ cause: { code: cause } }), waitMs);
    await simulator.listen();
    await until(link, true);
    expect(await (await link.client()).hostname()).toBe("simulated-host");
    const codes = changes.map((state) => (state.up ? "up" : state.cause.code));
    expect(codes).toEqual(["up", "connection-lost", cause, "up"]);
  });

  test("heals by itself after a restart and after a dropped connection", async () => {
    const { link } = openLink();
    link.start();
    await until(link, true);
    const first = await link.client();
    await simulator.restart();
    await first.closed;
    await until(link, true);
    const second = await link.client();
    expect(second).not.toBe(first);
    simulator.faults.inject({ kind: "drop" }, { times: 1 });
    await expect(second.hostname()).rejects.toMatchObject({ code: "connection-lost" });
    await until(link, true);
    expect(await (await link.client()).hostname()).toBe("simulated-host");
  });

  test("comes back from a daemon that hangs, and from one that hung while it connected", async () => {
    const { link } = openLink({ stepLimitMs: 100, keepalive: { intervalMs: 20, count: 2 } });
    link.start();
    await until(link, true);
    simulator.hang();
    await until(link, false);
    expect(link.state).toMatchObject({ cause: { code: "keepalive-lost" } });
    const isTimeout = { cause: { code: "timeout" } };
    await vi.waitFor(() => expect(link.state).toMatchObject(isTimeout), waitMs);
    simulator.resume();
    await until(link, true);
  });

  test("says since when it is down, and keeps saying so through all attempts", async () => {
    const { link, changes } = openLink();
    link.start();
    await until(link, true);
    await simulator.terminate();
    await vi.waitFor(() => expect(changes.at(-1)).toMatchObject({ cause: { code: "no-socket" } }));
    const [, lost, missing] = changes;
    expect(missing?.sinceMs).toBe(lost?.sinceMs);
    expect(link.state.sinceMs).toBe(lost?.sinceMs);
  });
});

describe("a client that is asked for", () => {
  test("is the open one, and the same for all who ask", async () => {
    const { link } = openLink();
    const [first, second] = await Promise.all([link.client(), link.client()]);
    expect(second).toBe(first);
    expect(await link.client()).toBe(first);
    expect(simulator.calls.received(1)).toBe(1);
  });

  test("is had at once when a socket appears, though none was there at first", async () => {
    await simulator.terminate();
    const discovery = new SocketDiscovery(undefined, [simulator.socketPath]);
    const { link } = openLink({ backOff: { firstMs: 60_000, maxMs: 60_000 } }, discovery);
    await expect(link.client()).rejects.toMatchObject({ code: "no-socket" });
    await simulator.listen();
    expect(await (await link.client()).hostname()).toBe("simulated-host");
  });

  test("comes from the socket that answered, even when a better one appears", async () => {
    const modular = folder.socket("virtqemud-sock-ro");
    const discovery = new SocketDiscovery(undefined, [modular, simulator.socketPath]);
    const { link } = openLink({}, discovery);
    await link.client();
    const { path } = folder;
    await using other = await Simulator.start({ folder: `${path}/other`, hostname: "other" });
    renameSync(other.socketPath, modular);
    await simulator.restart();
    await vi.waitFor(async () =>
      expect(await (await link.client()).hostname()).toBe("simulated-host"),
    );
    expect(discovery.find()).toBe(simulator.socketPath);
  });

  test("is not kept from a socket that never answered", async () => {
    simulator.faults.inject({ kind: "drop" }, { times: 1 });
    const modular = folder.socket("virtqemud-sock-ro");
    const discovery = new SocketDiscovery(undefined, [modular, simulator.socketPath]);
    const { link } = openLink({}, discovery);
    await expect(link.client()).rejects.toMatchObject({ code: "connection-lost" });
    writeFileSync(modular, "");
    expect(discovery.find()).toBe(modular);
  });
});
