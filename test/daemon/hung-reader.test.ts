// A process whose command line cannot be read hangs its reader in the kernel, for real: the command
// line is a FIFO that nobody writes to.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { statLine } from "../observer/proc-folder.ts";
import { Program } from "./program.ts";
import { SimulatedHost } from "./simulated-host.ts";

const poll = { timeout: 20_000, interval: 10 };

test("a daemon with a hung reader answers, says which process, and still ends on SIGTERM", {
  timeout: 60_000,
}, async () => {
  await using host = await SimulatedHost.start();
  const folder = path.join(host.simulator.procPath, "4242");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "stat"), statLine(4242, { comm: "qemu-system-x86" }));
  execFileSync("mkfifo", [path.join(folder, "cmdline")]);

  await using daemon = Program.node("bin/vmsyncd.mjs", host.flags());
  await vi.waitFor(() => expect(daemon.out).toContain('"started"'), poll);
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  const { absentMeans, observation } = await client.report();
  expect(absentMeans).toBe("unknown");
  // Slow says the look that found it, unreadable those after it; the daemon's own may be the first.
  expect(observation.problems).toMatchObject([
    {
      code: expect.stringMatching(/^process-table-(slow|unreadable)$/),
      detail: expect.stringMatching(/4242.* hangs/),
    },
  ]);

  daemon.child.kill("SIGTERM");
  // Node would wait for the thread for ever; so the process kills itself, and says so.
  const { signal, out } = await daemon.ended;
  expect(signal).toBe("SIGKILL");
  expect(out).toContain("killing this process");
});
