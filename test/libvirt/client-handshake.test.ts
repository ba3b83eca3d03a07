import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DomainEvent } from "../../src/libvirt/codec/messages.ts";
import { procedures } from "../../src/libvirt/codec/protocol.ts";
import { LibvirtConnectionError, LibvirtError } from "../../src/libvirt/errors.ts";
import { bytes, domainBytes, uuids } from "./codec/bytes.ts";
import { clientOptions, ScriptedDaemon } from "./scripted-daemon.ts";

const { authList, authPolkit, connectOpen, connectSupportsFeature } = procedures;
const register = procedures.connectDomainEventCallbackRegisterAny;
const onDomainEvent = (): void => {};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function failure(daemon: ScriptedDaemon): Promise<LibvirtConnectionError | LibvirtError> {
  const error = await daemon.connect({ onDomainEvent }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(daemon.transport.isClosed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
  return error as LibvirtConnectionError | LibvirtError;
}

describe("connecting", () => {
  test("asks for authentication, opens read-only, and registers for events last", async () => {
    const daemon = new ScriptedDaemon();
    const client = await daemon.connect({ onDomainEvent });
    expect(daemon.calls.map(({ procedure, payload }) => [procedure, payload])).toEqual([
      [authList, Buffer.alloc(0)],
      [connectOpen, bytes(1, "qemu:///system", 1)],
      [connectSupportsFeature, bytes(10)],
      [register, bytes(0, 0)],
      [register, bytes(1, 0)],
    ]);
    client.close();
  });

  test("registers for events before the caller can ask for its first list", async () => {
    const daemon = new ScriptedDaemon();
    const events: DomainEvent[] = [];
    const connecting = daemon.connect({ onDomainEvent: (event) => events.push(event) });
    daemon.answer(register, (call) => {
      daemon.reply(call, bytes(0));
      daemon.message(318, bytes(0, domainBytes("alpha", uuids.alpha, 1), 2, 0));
    });
    using _ = await connecting;
    expect(daemon.procedures.at(-1)).toBe(register);
    expect(events.length).toBeGreaterThan(0);
  });

  test("registers for nothing without a listener", async () => {
    const daemon = new ScriptedDaemon();
    using _ = await daemon.connect();
    expect(daemon.procedures).not.toContain(register);
  });

  test("opens the driver that it is told", async () => {
    const daemon = new ScriptedDaemon();
    using _ = await daemon.connect({ uri: "test:///default" });
    expect(daemon.calls[1]?.payload).toEqual(bytes(1, "test:///default", 1));
  });

  test("fails with libvirt's own error when the driver does not open", async () => {
    const daemon = new ScriptedDaemon().refuse(connectOpen, 38, "no driver");
    const error = await failure(daemon);
    expect(error).toBeInstanceOf(LibvirtError);
    expect(error).toMatchObject({ code: 38, message: "no driver" });
  });
});

describe("keepalive", () => {
  test("begins where libvirt says that it knows it", async () => {
    const daemon = new ScriptedDaemon();
    using _ = await daemon.connect();
    await vi.advanceTimersByTimeAsync(3 * clientOptions.keepalive.intervalMs);
    expect(daemon.transport.sent.some(({ program }) => program === 0x6b656570)).toBe(true);
  });

  test.each([0, 2, -1])("is not begun where libvirt answers %i", async (answer) => {
    const daemon = new ScriptedDaemon().answer(connectSupportsFeature, bytes(answer));
    using _ = await daemon.connect();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("authentication", () => {
  test.each([
    ["none", bytes(1, 0)],
    ["an empty list", bytes(0)],
    ["none beside polkit", bytes(2, 2, 0)],
  ])("is skipped for %s", async (_, offered) => {
    const daemon = new ScriptedDaemon().answer(authList, offered);
    using client = await daemon.connect();
    expect(daemon.procedures).not.toContain(authPolkit);
    expect(client.abandonedCalls).toBe(0);
  });

  test("by polkit comes before the driver is opened, without arguments", async () => {
    const daemon = new ScriptedDaemon().answer(authList, bytes(2, 1, 2));
    using _ = await daemon.connect();
    expect(daemon.procedures.slice(0, 3)).toEqual([authList, authPolkit, connectOpen]);
    expect(daemon.calls[1]?.payload).toEqual(Buffer.alloc(0));
  });

  test.each([45, 79, 94])("refused by polkit with %i tells which rule is missing", async (code) => {
    const daemon = new ScriptedDaemon().answer(authList, bytes(1, 2));
    daemon.refuse(authPolkit, code, "no agent");
    const error = await failure(daemon);
    expect(error).toBeInstanceOf(LibvirtConnectionError);
    expect(error).toMatchObject({ code: "authentication-refused", cause: { code } });
    expect(error.message).toContain("polkit refused: no agent");
    expect(error.message).toContain("allow org.libvirt.unix.monitor for this user");
    expect(daemon.procedures).not.toContain(connectOpen);
  });

  test("that fails for want of the system bus tells to start it, and libvirt again", async () => {
    const daemon = new ScriptedDaemon().answer(authList, bytes(1, 2));
    daemon.refuse(authPolkit, 1, "internal error: Unable to get system bus connection");
    const error = await failure(daemon);
    expect(error).toMatchObject({ code: "authentication-refused", cause: { code: 1 } });
    expect(error.message).toContain("start the system bus and polkit, then restart libvirt");
  });

  test("that breaks off is no refusal", async () => {
    const daemon = new ScriptedDaemon().answer(authList, bytes(1, 2));
    daemon.answer(authPolkit, () => daemon.transport.end());
    expect(await failure(daemon)).toMatchObject({ code: "connection-lost" });
  });

  test("by SASL only is unsupported, and the message says which setting decides", async () => {
    const error = await failure(new ScriptedDaemon().answer(authList, bytes(1, 1)));
    expect(error).toMatchObject({ code: "authentication-unsupported" });
    expect(error.message).toMatch(/only the types 1.*auth_unix_ro/);
  });
});

describe("a step that is not answered ends the attempt at its limit:", () => {
  test.each([
    ["the list of authentications", authList, 0],
    ["polkit", authPolkit, 1],
    ["opening", connectOpen, 2],
    ["the question for keepalive", connectSupportsFeature, 3],
    ["registering for events", register, 4],
  ])("%s", async (_, procedure, steps) => {
    const daemon = new ScriptedDaemon().answer(authList, bytes(1, 2)).answer(procedure, "silence");
    const settled = vi.fn<() => void>();
    const failed = failure(daemon);
    failed.then(settled, settled);
    await vi.advanceTimersByTimeAsync(clientOptions.stepLimitMs - 1);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await failed).toMatchObject({ code: "timeout" });
    expect(daemon.calls.length).toBe(steps + 1);
  });
});

test("a stream that dies while it is opened ends the attempt, without a timer left", async () => {
  for (const procedure of [authList, connectOpen, connectSupportsFeature, register]) {
    const daemon = new ScriptedDaemon();
    daemon.answer(procedure, () => daemon.transport.end(new Error("reset")));
    expect(await failure(daemon)).toMatchObject({ code: "connection-lost" });
  }
});

test("a stream that breaks right behind the answer on keepalive leaves no timer", async () => {
  const daemon = new ScriptedDaemon();
  daemon.answer(connectSupportsFeature, (call) => {
    daemon.reply(call, bytes(1));
    daemon.transport.end();
  });
  expect(await failure(daemon)).toMatchObject({ code: "connection-lost" });
});
