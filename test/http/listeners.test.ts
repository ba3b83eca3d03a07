import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ForeignServer } from "./foreign-server.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

const hasPython = spawnSync("python3", ["-c", ""]).status === 0;

let folder: ServedFolder;
beforeEach(async () => {
  folder = await ServedFolder.make();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function claimsOver(connection: RawConnection): Promise<number> {
  connection.get("/v1/claims");
  await expect.poll(() => connection.received).toContain("skipRevision");
  return connection.answer("GET", "/v1/claims").status;
}

/** Leaves a socket behind that nobody serves, as a killed daemon does. */
function leaveStaleSocket(path: string): void {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => {
    process.kill(process.pid, "SIGKILL"); });`;
  const { signal } = spawnSync(process.execPath, ["-e", script]);
  expect(signal).toBe("SIGKILL");
  expect(statSync(path).isSocket()).toBe(true);
}

describe("a unix socket", { timeout: 40_000 }, () => {
  test("has mode 0660 from the first moment, and the umask is as it was", async () => {
    const before = process.umask(0);
    try {
      const listening = folder.socket();
      // No file is there to be asked whether it is served, so this is bound before any await.
      expect(statSync(folder.file()).mode & 0o777).toBe(0o660);
      await listening;
      expect(statSync(folder.file()).mode & 0o777).toBe(0o660);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  test("is said as its path, and answers", async () => {
    expect((await folder.socket()).address).toBe(folder.file());
    using connection = await RawConnection.open({ path: folder.file() });
    expect(await claimsOver(connection)).toBe(200);
  });

  test("that nobody serves any more is replaced, with the right mode", async () => {
    leaveStaleSocket(folder.file());
    chmodSync(folder.file(), 0o777);
    await folder.socket();
    using connection = await RawConnection.open({ path: folder.file() });
    expect(await claimsOver(connection)).toBe(200);
    expect(statSync(folder.file()).mode & 0o777).toBe(0o660);
  });

  test("that is served is left alone, with a sentence", async () => {
    await folder.socket();
    const inode = statSync(folder.file()).ino;
    await expect(folder.socket()).rejects.toThrow(
      `cannot listen on ${folder.file()}: another agent serves it already; stop that one, or configure another socket for this one`,
    );
    expect(statSync(folder.file()).ino).toBe(inode);
    using connection = await RawConnection.open({ path: folder.file() });
    expect(await claimsOver(connection)).toBe(200);
  });

  // Node has no datagram unix sockets.
  test.skipIf(!hasPython)("of another program that takes datagrams is left alone", async () => {
    const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
print("bound", flush=True); sys.stdin.read()`;
    using other = await ForeignServer.start("python3", ["-c", script, folder.file()]);
    await expect(folder.socket()).rejects.toThrow(
      /^cannot listen on .*: a socket is there that may be in use \(.*\); remove it$/,
    );
    expect(other.isRunning).toBe(true);
    expect(statSync(folder.file()).isSocket()).toBe(true);
  });

  test("whose place a regular file has is refused, and the file is kept", async () => {
    writeFileSync(folder.file(), "precious");
    await expect(folder.socket()).rejects.toThrow(
      `cannot listen on ${folder.file()}: a file that is no socket is there; remove it`,
    );
    expect(readFileSync(folder.file(), "utf8")).toBe("precious");
  });

  test("whose place a folder has, or a dangling link, is refused and nothing is lost", async () => {
    mkdirSync(folder.file("folder"));
    await expect(folder.socket("folder")).rejects.toThrow(/no socket is there; remove it$/);
    symlinkSync("/nowhere/at/all", folder.file("link"));
    await expect(folder.socket("link")).rejects.toThrow(/the address is in use; stop what uses it/);
    expect(lstatSync(folder.file("link")).isSymbolicLink()).toBe(true);
  });

  test("in a folder that is missing gets its folder made", async () => {
    await folder.socket("vmsyncd/vmsyncd.sock");
    expect(statSync(folder.file("vmsyncd/vmsyncd.sock")).isSocket()).toBe(true);
  });

  test("in a folder whose folder is missing too is refused, and none is made", async () => {
    await expect(folder.socket("runn/vmsyncd/vmsyncd.sock")).rejects.toThrow(
      /^cannot listen on .*: the folder .*runn does not exist$/,
    );
    expect(existsSync(folder.file("runn"))).toBe(false);
  });

  test("under a file instead of a folder is refused with a sentence", async () => {
    writeFileSync(folder.file("file"), "");
    await expect(folder.socket("file/vmsyncd.sock")).rejects.toThrow(/^cannot listen on .*: .+/);
  });

  test("is gone after close, and is not accepted on any more", async () => {
    const listener = await folder.socket();
    await listener.close();
    expect(existsSync(folder.file())).toBe(false);
  });
});

describe("a TCP address", { timeout: 40_000 }, () => {
  test.each([
    ["127.0.0.1", /^127\.0\.0\.1:\d+$/],
    ["::1", /^\[::1\]:\d+$/],
  ])("%s with port 0 is said with the port that was given", async (host, shape) => {
    const { address } = await folder.listen({ kind: "tcp", host, port: 0 });
    expect(address).toMatch(shape);
    const port = Number(address.split(":").at(-1));
    using connection = await RawConnection.open({ host, port });
    expect(await claimsOver(connection)).toBe(200);
  });

  test("that is in use is refused with a sentence", async () => {
    const { address } = await folder.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const port = Number(address.split(":").at(-1));
    await expect(folder.listen({ kind: "tcp", host: "127.0.0.1", port })).rejects.toThrow(
      `cannot listen on ${address}: the address is in use; stop what uses it, or configure another`,
    );
  });

  test("that this host does not have is refused with a sentence", async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737).
    await expect(folder.listen({ kind: "tcp", host: "192.0.2.7", port: 0 })).rejects.toThrow(
      "cannot listen on 192.0.2.7:0: this host has no such address",
    );
  });
});

test("a socket that queues no more connections counts as served", async () => {
  // Stopped, it accepts nothing: its queue is soon full, and connecting says EAGAIN.
  const script = `require("node:net").createServer().listen(
    { path: ${JSON.stringify(folder.file())}, backlog: 1 }, () => console.log("listening"))`;
  using other = await ForeignServer.start(process.execPath, ["-e", script]);
  other.stop();
  const queued: Socket[] = [];
  try {
    while (queued.length < 10) {
      const socket = connect({ path: folder.file() });
      queued.push(socket);
      const outcome = await once(socket, "connect").then(
        () => "connected",
        ({ code }: NodeJS.ErrnoException) => code,
      );
      if (outcome === "EAGAIN") break;
    }
    expect(queued.length).toBeLessThan(10);
    await expect(folder.socket()).rejects.toThrow(/a socket is there that may be in use/);
    expect(existsSync(folder.file())).toBe(true);
  } finally {
    for (const socket of queued) socket.destroy();
  }
});

test("a server that never listened does not leave the umask changed when binding fails", async () => {
  const before = process.umask();
  const occupied = createServer().listen(folder.file("occupied"));
  await expect(folder.socket(`${"d/".repeat(60)}too-long.sock`)).rejects.toThrow(/cannot listen/);
  expect(process.umask()).toBe(before);
  occupied.close();
});
