// The link's patience and haste, in the test's own time over streams in memory.

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LibvirtConnectionError } from "../../src/libvirt/errors.ts";
import { LibvirtLink, type LinkOptions, type LinkState } from "../../src/libvirt/link.ts";
import { SocketDiscovery } from "../../src/libvirt/socket-discovery.ts";
import type { Transport } from "../../src/libvirt/transport.ts";
import { clientOptions, ScriptedDaemon } from "./scripted-daemon.ts";

const streams = vi.hoisted(() => ({
  open: (_signal: AbortSignal | undefined): Promise<unknown> => Promise.reject(new Error("unset")),
}));
vi.mock("../../src/libvirt/transport.ts", () => ({
  openUnixTransport: (_path: string, _limitMs: number, signal?: AbortSignal) =>
    streams.open(signal),
}));

const refused = new LibvirtConnectionError("connect-failed", "cannot connect: refused");
const links: LibvirtLink[] = [];
/** When each attempt was made, and how many are under way. */
let attemptsAtMs: number[] = [];
let underWay = 0;

beforeEach(() => {
  vi.useFakeTimers();
  attemptsAtMs = [];
  underWay = 0;
  openWith(() => Promise.reject(refused));
});
afterEach(() => {
  for (const link of links.splice(0)) link.stop();
  vi.useRealTimers();
});

function openWith(open: (signal: AbortSignal | undefined) => Promise<Transport>): void {
  streams.open = async (signal) => {
    attemptsAtMs.push(performance.now());
    expect(++underWay).toBe(1);
    return open(signal).finally(() => {
      underWay -= 1;
    });
  };
}

/** Each attempt finds a daemon of its own; the latest can be had. */
function openWithDaemons(): { latest: ScriptedDaemon | undefined } {
  const daemons: { latest: ScriptedDaemon | undefined } = { latest: undefined };
  openWith(async () => {
    daemons.latest = new ScriptedDaemon();
    return daemons.latest.transport;
  });
  return daemons;
}

const linkOptions: LinkOptions = {
  ...clientOptions,
  backOff: { firstMs: 100, maxMs: 1_600 },
  random: () => 1, // the longest wait
};

function makeLink(options: Partial<LinkOptions> = {}): LibvirtLink {
  const discovery = new SocketDiscovery("/run/libvirt/libvirt-sock-ro");
  const link = new LibvirtLink(discovery, { ...linkOptions, ...options });
  links.push(link);
  return link;
}

const gaps = (): number[] =>
  attemptsAtMs.slice(1).map((at, index) => Math.round(at - (attemptsAtMs[index] ?? 0)));

describe("the back-off", () => {
  test("doubles from its first to its greatest wait, and stays there", async () => {
    makeLink().start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(gaps().slice(0, 8)).toEqual([100, 200, 400, 800, 1_600, 1_600, 1_600, 1_600]);
  });

  test("is bounded after days of failures", async () => {
    makeLink({ backOff: { firstMs: 1_000, maxMs: 60_000 } }).start();
    await vi.advanceTimersByTimeAsync(2 * 86_400_000);
    expect(Math.max(...gaps())).toBe(60_000);
  });

  test("is cut by the jitter to no less than half", async () => {
    makeLink({ random: () => 0 }).start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(gaps().slice(0, 6)).toEqual([50, 100, 200, 400, 800, 800]);
  });

  test("is jittered unless it is told how", async () => {
    const backOff = { firstMs: 100_000, maxMs: 100_000 };
    const link = new LibvirtLink(new SocketDiscovery("/run/x"), { ...clientOptions, backOff });
    links.push(link);
    link.start();
    await vi.advanceTimersByTimeAsync(2_000_000);
    expect(new Set(gaps()).size).toBeGreaterThan(10);
    expect(Math.min(...gaps())).toBeGreaterThanOrEqual(50_000);
  });

  test("begins anew after a connection that held", async () => {
    const link = makeLink();
    link.start();
    await vi.advanceTimersByTimeAsync(10_000);
    const daemons = openWithDaemons();
    await vi.advanceTimersByTimeAsync(1_600);
    expect(link.state.up).toBe(true);
    await vi.advanceTimersByTimeAsync(1_600);
    attemptsAtMs = [performance.now()];
    daemons.latest?.transport.end();
    await vi.advanceTimersByTimeAsync(100);
    expect(gaps()).toEqual([100]);
  });

  test("goes on growing while connections open and die at once", async () => {
    openWith(async () => {
      const { transport } = new ScriptedDaemon();
      setTimeout(() => transport.end(), 1);
      return transport;
    });
    makeLink().start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(gaps().slice(0, 6)).toEqual([101, 201, 401, 801, 1_601, 1_601]);
  });
});

describe("on demand", () => {
  test("a connection is tried at once, in the middle of a wait", async () => {
    const link = makeLink({ demandIntervalMs: 50 });
    link.start();
    await vi.advanceTimersByTimeAsync(3_000);
    openWithDaemons();
    attemptsAtMs = [];
    const client = link.client();
    expect(attemptsAtMs).toEqual([performance.now()]);
    await client;
    expect(link.state.up).toBe(true);
    expect(vi.getTimerCount()).toBe(1); // keepalive: the wait is over
    await vi.advanceTimersByTimeAsync(10_000);
    expect(attemptsAtMs.length).toBe(1);
  });

  test("it is tried no more often than the interval; in between the last cause is told", async () => {
    const backOff = { firstMs: 60_000, maxMs: 60_000 };
    const link = makeLink({ demandIntervalMs: 200, backOff });
    for (let elapsed = 0; elapsed < 2_000; elapsed += 10) {
      await expect(link.client()).rejects.toBe(refused);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(attemptsAtMs.length).toBe(10);
    expect(Math.min(...gaps())).toBeGreaterThanOrEqual(200);
  });

  test("all who ask while an attempt is under way share it", async () => {
    const link = makeLink();
    const opening = Promise.withResolvers<Transport>();
    openWith(() => opening.promise);
    link.start();
    link.start();
    const clients = [link.client(), link.client()];
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attemptsAtMs.length).toBe(1);
    opening.resolve(new ScriptedDaemon().transport);
    const [first, second] = await Promise.all(clients);
    expect(first).toBe(second);
    link.start();
    expect(attemptsAtMs.length).toBe(1);
  });
});

describe("stop() leaves no timer and no attempt:", () => {
  test("while it is up", async () => {
    const daemons = openWithDaemons();
    const link = makeLink();
    await link.client();
    link.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(daemons.latest?.transport.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attemptsAtMs.length).toBe(1);
  });

  test("while it waits for its next attempt", async () => {
    const link = makeLink();
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(1);
    link.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("while an attempt is under way, which it aborts", async () => {
    const link = makeLink();
    openWith(async (signal) => {
      const daemon = new ScriptedDaemon().answer(66, "silence");
      signal?.addEventListener("abort", () => daemon.transport.end());
      return daemon.transport;
    });
    const client = link.client();
    client.catch(() => {});
    await vi.advanceTimersByTimeAsync(10);
    expect(vi.getTimerCount()).toBe(1);
    link.stop();
    await vi.advanceTimersByTimeAsync(0);
    await expect(client).rejects.toMatchObject({ code: "connection-lost" });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("when a connection opens behind its back", async () => {
    const link = makeLink();
    const opening = Promise.withResolvers<Transport>();
    openWith(() => opening.promise);
    link.start();
    link.stop();
    const { transport } = new ScriptedDaemon();
    opening.resolve(transport);
    await vi.advanceTimersByTimeAsync(0);
    expect(transport.isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("and nobody is told of a change, or given a connection, any more", async () => {
    const changes: LinkState[] = [];
    openWithDaemons();
    const link = makeLink({ onChange: (state) => changes.push(state) });
    await link.client();
    link.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(changes.map(({ up }) => up)).toEqual([true]);
    await expect(link.client()).rejects.toMatchObject({ code: "closed" });
  });
});

test("the same cause is told once, however many attempts it fails", async () => {
  const changes: LinkState[] = [];
  makeLink({ onChange: (state) => changes.push(state) }).start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(changes).toMatchObject([{ up: false, cause: refused }]);
});
