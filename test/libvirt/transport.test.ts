import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { openUnixTransport } from "../../src/libvirt/transport.ts";
import { HostileServer } from "./hostile-server.ts";
import { SocketFolder } from "./socket-folder.ts";

const limitMs = 5_000;
const nobody = 65_534;

/** Runs an action as a user for whom permissions count; the tests may be run by root. */
function asNobody<T>(action: () => T): T {
  if (process.geteuid?.() !== 0) return action();
  process.seteuid?.(nobody);
  try {
    return action();
  } finally {
    process.seteuid?.(0);
  }
}

describe("opening fails with a code and a text that tells what to do:", () => {
  test("no socket", async () => {
    using folder = new SocketFolder();
    const opening = openUnixTransport(folder.socket(), limitMs);
    await expect(opening).rejects.toMatchObject({ code: "no-socket", cause: { code: "ENOENT" } });
    await expect(opening).rejects.toThrow(`${folder.socket()}: no such socket; is libvirt running`);
  });

  test("a socket on which nobody listens", async () => {
    using folder = new SocketFolder();
    writeFileSync(folder.socket(), "");
    const opening = openUnixTransport(folder.socket(), limitMs);
    await expect(opening).rejects.toMatchObject({ code: "connect-failed" });
    await expect(opening).rejects.toThrow("refused; nothing listens on it, start libvirt");
  });

  test("a socket that this user may not write to", async () => {
    await using server = await HostileServer.start(() => {});
    chmodSync(path.dirname(server.path), 0o755); // the folder is no obstacle
    chmodSync(server.path, 0o000);
    const opening = asNobody(() => openUnixTransport(server.path, limitMs));
    await expect(opening).rejects.toMatchObject({
      code: "permission-denied",
      cause: { code: "EACCES" },
    });
    await expect(opening).rejects.toThrow("unix_sock_ro_perms");
  });

  test("a listener whose queue is full", async () => {
    await using server = await HostileServer.start(() => {});
    // All in one turn of the event loop, in which the listener cannot accept any.
    const openings = Array.from({ length: 8 }, () => openUnixTransport(server.path, limitMs));
    const outcomes = await Promise.allSettled(openings);
    const failures = outcomes.filter(({ status }) => status === "rejected");
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) {
      expect(failure).toMatchObject({ reason: { code: "connect-failed" } });
      expect(failure).toMatchObject({ reason: { cause: { code: "EAGAIN" } } });
    }
  });

  test("a path that cannot be one", async () => {
    const opening = openUnixTransport(`/tmp/${"x".repeat(200)}`, limitMs);
    await expect(opening).rejects.toMatchObject({ code: "connect-failed" });
  });

  test("an attempt that is aborted", async () => {
    await using server = await HostileServer.start(() => {});
    const opening = openUnixTransport(server.path, limitMs, AbortSignal.abort());
    await expect(opening).rejects.toMatchObject({ code: "connect-failed" });
  });
});

describe("an open stream", () => {
  test("is ended by its signal, with the cause", async () => {
    await using server = await HostileServer.start(() => {});
    const abort = new AbortController();
    const transport = await openUnixTransport(server.path, limitMs, abort.signal);
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    transport.listen({ onData: () => {}, onClose: resolve });
    abort.abort();
    expect(await promise).toMatchObject({ name: "AbortError" });
  });

  test("delivers what was sent before the end, and then the end, once", async () => {
    await using server = await HostileServer.start((socket) => socket.end("last words"));
    const transport = await openUnixTransport(server.path, limitMs);
    const seen: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    transport.listen({
      onData: (chunk) => seen.push(chunk.toString()),
      onClose: (cause) => {
        seen.push(cause);
        resolve();
      },
    });
    await promise;
    transport.close();
    expect(seen).toEqual(["last words", undefined]);
  });

  test("ends with its peer, without waiting for what the peer will never read", async () => {
    await using server = await HostileServer.start((socket) => socket.pause().end());
    const transport = await openUnixTransport(server.path, limitMs);
    const { promise, resolve } = Promise.withResolvers<string>();
    transport.listen({ onData: () => {}, onClose: () => resolve("ended") });
    transport.write(Buffer.alloc(900_000));
    expect(await promise).toBe("ended");
  });

  test("whose peer never reads is ended before what waits for it fills the memory", async () => {
    await using server = await HostileServer.start((socket) => socket.pause());
    const transport = await openUnixTransport(server.path, limitMs);
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    transport.listen({ onData: () => {}, onClose: resolve });
    for (let written = 0; written < 64; written += 1) transport.write(Buffer.alloc(65_536));
    expect(await promise).toMatchObject({ message: expect.stringContaining("does not read") });
  });
});
