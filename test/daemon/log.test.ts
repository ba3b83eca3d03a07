// Whoever reads the log may stall, and the disk under it may be full: the agent answers and ends.

import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { LogOutput } from "../../src/log.ts";
import { Program } from "./program.ts";
import { Folder, SimulatedHost } from "./simulated-host.ts";

const poll = { timeout: 20_000, interval: 10 };
const vm = "00000000-0000-4000-8000-000000000001";

/** A pipe that is held open and not read. */
function unreadPipe(folder: Folder): number {
  execFileSync("mkfifo", [folder.file("pipe")]);
  return openSync(folder.file("pipe"), constants.O_RDWR);
}

/** A daemon on such an output; it is asked until it answers, and then gets more claims than a pipe holds lines. */
async function keepBusy(host: SimulatedHost, stdout: number): Promise<Program> {
  const daemon = Program.node("bin/vmsyncd.mjs", host.flags(), { stdout });
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await vi.waitFor(() => client.status(), poll);
  const sequences = Array.from({ length: 500 }, (_, index) => index + 1);
  await Promise.all(
    sequences.map((sequence) => {
      const managementNode = { id: "mn-1", epoch: 1, instance: "i", sequence };
      return client.claim(vm, `operation-${sequence}`, { managementNode, reason: "x".repeat(200) });
    }),
  );
  expect((await client.report()).skipped).toHaveLength(1);
  return daemon;
}

test("a daemon whose output nobody reads answers, and ends on SIGTERM", async () => {
  await using host = await SimulatedHost.start();
  const pipe = unreadPipe(host.folder);
  await using daemon = await keepBusy(host, pipe);
  daemon.child.kill("SIGTERM");
  // What could not be written would hold the process: it gives up after a second.
  expect((await daemon.ended).signal).toBe("SIGKILL");
  expect(existsSync(host.socketPath)).toBe(false);
  closeSync(pipe);
});

test("a daemon whose disk is full answers, and ends on SIGTERM with 0", async () => {
  await using host = await SimulatedHost.start();
  const full = openSync("/dev/full", "w");
  await using daemon = await keepBusy(host, full);
  daemon.child.kill("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0, signal: null, error: "" });
  closeSync(full);
});

test("lines are kept in order up to a bound, and those beyond it are counted", async () => {
  using folder = new Folder();
  const pipe = unreadPipe(folder);
  const output = new LogOutput(pipe);
  const line = `${"x".repeat(999)}\n`;
  const written = 3_000;
  for (let count = 0; count < written; count += 1) output.write(line);
  let text = "";
  const bytes = Buffer.alloc(65_536);
  const drained = output.drained(20_000);
  let isDrained = false;
  void drained.then(() => (isDrained = true));
  // Read only while something is there: this thread must not wait for itself.
  const reader = openSync(folder.file("pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
  const readAll = (): void => {
    try {
      for (let length = 1; length > 0; ) {
        length = readSync(reader, bytes);
        text += bytes.toString("utf8", 0, length);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  };
  await expect
    .poll(() => {
      readAll();
      return isDrained;
    }, poll)
    .toBe(true);
  readAll();
  const last = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as { dropped: number };
  const kept = text.split("\n").filter((one) => one === line.trimEnd()).length;
  expect(kept).toBeGreaterThan(1_000);
  expect(kept + last.dropped).toBe(written);
  closeSync(reader);
  closeSync(pipe);
});
