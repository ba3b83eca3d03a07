import { describe, expect, test, vi } from "vitest";
import { LibvirtClient } from "../../src/libvirt/client.ts";
import type { DomainEvent } from "../../src/libvirt/codec/messages.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { bytes, domainBytes, errorBytes, frameBytes, uuids } from "./codec/bytes.ts";
import { clientOptions, ScriptedDaemon } from "./scripted-daemon.ts";

const alphaBytes = domainBytes("alpha", uuids.alpha, 7);
const alpha = { name: "alpha", uuid: uuids.alpha, id: 7 };
/** What a call sends for a domain of which only the uuid is known. */
const alphaKey = domainBytes("", uuids.alpha, -1);

const bulk = bytes(1, alphaBytes, 2, "state.state", 1, 3, "state.reason", 1, 11);

interface TypedCall {
  readonly name: string;
  readonly procedure: number;
  readonly call: (client: LibvirtClient) => Promise<unknown>;
  readonly sends: Buffer;
  readonly answer: Buffer;
  readonly value: unknown;
}

const typedCalls: readonly TypedCall[] = [
  {
    name: "libraryVersion",
    procedure: 157,
    call: (client) => client.libraryVersion(),
    sends: Buffer.alloc(0),
    answer: bytes(10_012_003n),
    value: { major: 10, minor: 12, release: 3 },
  },
  {
    name: "hostname",
    procedure: 59,
    call: (client) => client.hostname(),
    sends: Buffer.alloc(0),
    answer: bytes("host-1"),
    value: "host-1",
  },
  {
    name: "allDomainStates",
    procedure: 344,
    call: (client) => client.allDomainStates(),
    sends: bytes(0, 1, 0),
    answer: bulk,
    value: [{ ...alpha, state: 3, reason: 11 }],
  },
  {
    name: "listAllDomains",
    procedure: 273,
    call: (client) => client.listAllDomains(),
    sends: bytes(1, 0),
    answer: bytes(1, alphaBytes, 1),
    value: [alpha],
  },
  {
    name: "domainState",
    procedure: 212,
    call: (client) => client.domainState({ uuid: uuids.alpha }),
    sends: bytes(alphaKey, 0),
    answer: bytes(5, 2),
    value: { state: 5, reason: 2 },
  },
  {
    name: "controlInfo",
    procedure: 229,
    call: (client) => client.controlInfo(alpha),
    sends: bytes(alphaBytes, 0),
    answer: bytes(2, 0, 1_500n),
    value: { state: 2, details: 0, stateTimeMs: 1_500 },
  },
];

async function connected(onDomainEvent?: (event: DomainEvent) => void) {
  const daemon = new ScriptedDaemon();
  const client = await daemon.connect(onDomainEvent && { onDomainEvent });
  daemon.calls.length = 0;
  return { daemon, client };
}

describe.each(typedCalls)("$name", ({ procedure, call, sends, answer, value }) => {
  test("sends its arguments and reads the answer", async () => {
    const { daemon, client } = await connected();
    daemon.answer(procedure, answer);
    expect(await call(client)).toEqual(value);
    expect(daemon.calls).toMatchObject([{ procedure, payload: sends }]);
    client.close();
  });

  test("passes on libvirt's error, and the connection lives", async () => {
    const { daemon, client } = await connected();
    daemon.refuse(procedure, 42, "Domain not found");
    await expect(call(client)).rejects.toMatchObject({ name: "LibvirtError", code: 42 });
    daemon.answer(procedure, answer);
    expect(await call(client)).toEqual(value);
    client.close();
  });

  test("whose answer is cut off or too long ends the connection and all calls", async () => {
    const wrong = [answer.subarray(0, -4), answer.subarray(0, 2), bytes(answer, 0)];
    for (const payload of wrong) {
      const { daemon, client } = await connected();
      daemon.answer(procedure, payload).answer(59, procedure === 59 ? payload : "silence");
      const other = client.hostname();
      other.catch(() => {});
      await expect(call(client)).rejects.toMatchObject({ code: "protocol-error" });
      await expect(other).rejects.toMatchObject({ code: "protocol-error" });
      await expect(client.closed).resolves.toMatchObject({ code: "protocol-error" });
      expect(daemon.transport.isClosed).toBe(true);
    }
  });
});

describe("limits", () => {
  const isBulk = ({ name }: TypedCall): boolean => name === "allDomainStates";

  test.each(typedCalls.filter((one) => !isBulk(one)))("$name has one", async ({ call }) => {
    vi.useFakeTimers();
    const { client } = await connected();
    const outcome = call(client).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(clientOptions.stepLimitMs);
    expect(await outcome).toMatchObject({ code: "timeout" });
    expect(client.abandonedCalls).toBe(1);
    client.close();
    vi.useRealTimers();
  });

  test("allDomainStates has none: its caller must learn when libvirt is done", async () => {
    vi.useFakeTimers();
    const daemon = new ScriptedDaemon().answer(procedures.connectSupportsFeature, bytes(0));
    const client = await daemon.connect();
    const answer = client.allDomainStates();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(client.abandonedCalls).toBe(0);
    const call = daemon.calls.at(-1);
    if (call !== undefined) daemon.reply(call, bulk);
    expect(await answer).toHaveLength(1);
    client.close();
    vi.useRealTimers();
  });
});

describe("events", () => {
  test("are decoded and delivered in order", async () => {
    const events: DomainEvent[] = [];
    const { daemon, client } = await connected((event) => events.push(event));
    daemon.message(318, bytes(0, alphaBytes, 5, 1));
    daemon.message(319, bytes(1, alphaBytes));
    expect(events).toEqual([
      { kind: "lifecycle", callbackId: 0, domain: alpha, event: 5, detail: 1 },
      { kind: "reboot", callbackId: 1, domain: alpha },
    ]);
    client.close();
  });

  test.each([
    ["of an unknown procedure", 320, bytes(0, alphaBytes)],
    ["cut off", 318, bytes(0, alphaBytes, 5)],
    ["with bytes too many", 319, bytes(0, alphaBytes, 5)],
    ["empty", 318, Buffer.alloc(0)],
  ])("%s end the connection, listener or not", async (_, procedure, payload) => {
    const onDomainEvent = vi.fn<() => void>();
    for (const listener of [onDomainEvent, undefined]) {
      const { daemon, client } = await connected(listener);
      const call = client.hostname();
      call.catch(() => {});
      daemon.message(procedure, payload);
      await expect(call).rejects.toMatchObject({ code: "protocol-error" });
      await expect(client.closed).resolves.toMatchObject({ code: "protocol-error" });
    }
    expect(onDomainEvent).not.toHaveBeenCalled();
  });
});

describe("closing", () => {
  test("rejects what is pending, and nothing is delivered any more", async () => {
    const onDomainEvent = vi.fn<() => void>();
    const { daemon, client } = await connected(onDomainEvent);
    const call = client.hostname();
    client.close();
    daemon.transport.receive(frameBytes({ serial: 6 }, bytes("late")));
    daemon.message(319, bytes(1, alphaBytes));
    await expect(call).rejects.toMatchObject({ code: "closed" });
    await expect(client.closed).resolves.toMatchObject({ code: "closed" });
    expect(onDomainEvent).not.toHaveBeenCalled();
  });

  test("happens at the end of a `using` block", async () => {
    const daemon = new ScriptedDaemon();
    {
      using _ = await daemon.connect();
    }
    expect(daemon.transport.isClosed).toBe(true);
  });
});

test("a call of a daemon that lies about its error is a protocol error", async () => {
  const { daemon, client } = await connected();
  daemon.answer(59, (call) => daemon.reply(call, errorBytes(1, 7, "no").subarray(4), 1));
  await expect(client.hostname()).rejects.toMatchObject({ code: "protocol-error" });
});
