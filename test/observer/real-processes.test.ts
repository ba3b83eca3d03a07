// The scan against the kernel's own /proc: children of this test that look like QEMU.

import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { ProcessScan } from "../../src/observer/process-scan.ts";
import { ProcessTable } from "../../src/observer/process-table.ts";

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});

const until = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });

type Child = ChildProcessByStdio<Writable, Readable, null>;

/** A program that lives until its standard input ends. */
function start(command: string, args: readonly string[], argv0 = command): Child {
  const child = spawn(command, args, { argv0, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return child;
}

/** /bin/sh in the clothes of a QEMU. */
function startQemu(vmUuid: string, program = "/usr/bin/qemu-system-x86_64"): Child {
  return start("/bin/sh", ["-c", "read line", "-uuid", vmUuid], program);
}

function scanOf(scan = new ProcessScan([])): () => readonly string[] {
  return () => scan.run({ procPath: "/proc", limitMs: 10_000, stuckPids: [] }).qemus;
}

test("a child whose program is called QEMU is seen while it lives, and not after", async () => {
  const [u, v] = [randomUUID(), randomUUID()];
  const child = startQemu(u);
  startQemu(v.toUpperCase(), "qemu-kvm");
  const qemus = scanOf();
  await until(() => expect(qemus()).toEqual(expect.arrayContaining([u, v])));
  child.stdin.end();
  await once(child, "exit");
  expect(qemus()).not.toContain(u);
  expect(qemus()).toContain(v);
});

test("a child with a uuid whose program is not QEMU is not seen", async () => {
  const [u, v] = [randomUUID(), randomUUID()];
  startQemu(u, "qemu-nbd");
  startQemu(v);
  const qemus = scanOf();
  await until(() => expect(qemus()).toContain(v));
  expect(qemus()).not.toContain(u);
});

test("a process that becomes QEMU is seen though its pid and start time stay", async () => {
  const u = randomUUID();
  const becomeQemu = `echo ready; read line; exec -a qemu-system-x86_64 sh -c 'read line' -uuid ${u}`;
  const child = start("bash", ["-c", becomeQemu]);
  await once(child.stdout, "data");
  const scan = new ProcessScan([]);
  const qemus = scanOf(scan);
  expect(qemus()).not.toContain(u);
  const { pid } = child;
  child.stdin.write("now\n");
  await until(() => expect(qemus()).toContain(u));
  expect(child.pid).toBe(pid);
});

test("a QEMU that was killed and is not reaped is not seen, one that was stopped is", async () => {
  const u = randomUUID();
  const qemu = `exec -a qemu-system-x86_64 sh -c 'kill -STOP $$; :' -uuid ${u}`;
  // What cat did not start it does not reap.
  const parent = start("bash", ["-c", `(${qemu}) & echo $!; exec cat`]);
  const [text] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(text.toString());
  const qemus = scanOf();
  try {
    await until(() => expect(qemus()).toContain(u));
    const program = (): string => readFileSync(`/proc/${parent.pid}/comm`, "utf8");
    await until(() => expect(program()).toBe("cat\n"));
  } finally {
    process.kill(pid, "SIGKILL");
  }
  await until(() => expect(qemus()).not.toContain(u));
  expect(() => process.kill(pid, 0), "its entry is still there").not.toThrow();
});

test("the thread of the process table reads the kernel's own table", async () => {
  const u = randomUUID();
  startQemu(u);
  await using table = new ProcessTable("/proc");
  await until(async () => expect((await table.look(5000)).qemus).toContain(u));
});
