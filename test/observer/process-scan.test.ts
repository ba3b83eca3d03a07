import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessScan, type ScanResult } from "../../src/observer/process-scan.ts";
import { ProcFolder, qemu, uuid } from "./proc-folder.ts";

const u = uuid(1);
let proc: ProcFolder;
/** Pids whose command line was read. */
let read: number[];
let scan: ProcessScan;

function pass(more: { limitMs?: number; stuckPids?: number[] } = {}): ScanResult {
  read = [];
  return scan.run({ procPath: proc.path, limitMs: 5000, stuckPids: [], ...more });
}

beforeEach(() => {
  proc = new ProcFolder();
  scan = new ProcessScan([], (pid) => pid !== 0 && read.push(pid));
});
afterEach(() => proc[Symbol.dispose]());

describe("a pass over the process table", () => {
  test("names the VMs whose QEMU lives, and is whole", () => {
    proc.add(10, qemu(u));
    proc.add(11, qemu(uuid(2), { state: "D" }));
    proc.add(12, { comm: "qemu-img", args: ["qemu-img", "-uuid", uuid(3)] });
    expect(pass()).toMatchObject({ qemus: [u, uuid(2)], problem: undefined, gone: [] });
  });

  test("does not name a QEMU that has ended and was not reaped", () => {
    proc.add(10, qemu(u, { state: "Z" }));
    expect(pass()).toMatchObject({ qemus: [], problem: undefined });
  });

  test("names a QEMU whose first thread has ended and whose others run, once it was known", () => {
    proc.add(10, qemu(u));
    pass();
    proc.add(10, qemu(u, { state: "Z", threads: 3, args: [] }));
    expect(pass().qemus).toEqual([u]);
    proc.add(10, qemu(u, { state: "Z", threads: 1, args: [] }));
    expect(pass()).toMatchObject({ qemus: [], problem: undefined });
  });

  test.each(["qemu-system-x86", "qemu-kvm", "kvm", "qemu:web-1"])(
    "is not whole where a living %s has no command line any more and was not known",
    (comm) => {
      proc.add(10, { comm, args: [], state: "Z", threads: 2 });
      proc.add(11, qemu(u));
      expect(pass()).toMatchObject({ qemus: [u], problem: expect.stringContaining("process 10") });
      expect(pass().problem, "as long as it is there").toContain("process 10");
      proc.remove(10);
      expect(pass().problem).toBeUndefined();
    },
  );

  test.each([
    { what: "hangs in the kernel", how: { state: "D" } },
    { what: "has ended but for one thread", how: { state: "Z", threads: 2 } },
  ])("is not whole where a process of any name has no command line and $what", ({ how }) => {
    proc.add(10, { comm: "vm-runner", args: [], ...how });
    expect(pass().problem).toContain("process 10");
    proc.remove(10);
    expect(pass().problem).toBeUndefined();
  });

  test.each(["S", "D"])("is whole where a kernel thread has no command line (%s)", (state) => {
    proc.add(10, { comm: "kworker/0:1", args: [], state, isKernelThread: true });
    expect(pass().problem).toBeUndefined();
  });

  test("follows what comes and goes", () => {
    proc.add(10, qemu(u));
    proc.add(11, qemu(uuid(2)));
    pass();
    proc.remove(10);
    proc.add(12, qemu(uuid(3)));
    expect(pass()).toMatchObject({ qemus: [uuid(2), uuid(3)], gone: [10], problem: undefined });
  });
});

describe("a pass is not whole, but names what it saw, where", () => {
  test.each(["stat", "cmdline"] as const)("the %s of a process cannot be read", (file) => {
    proc.add(10, qemu(uuid(2)));
    proc.makeUnreadable(10, file);
    proc.add(11, qemu(u));
    expect(pass()).toMatchObject({ qemus: [u], problem: expect.stringContaining(`10/${file}`) });
  });

  test("a status line is none", () => {
    proc.add(10, qemu(uuid(2)));
    proc.write(10, "stat", "10 (qemu-kvm");
    proc.add(11, qemu(u));
    expect(pass()).toMatchObject({ qemus: [u], problem: expect.stringContaining("process 10") });
  });

  test("its time is up", () => {
    for (let pid = 10; pid < 60; pid += 1) proc.add(pid, qemu(uuid(pid)));
    const cut = pass({ limitMs: -1 });
    expect(cut.problem).toMatch(/^cannot read .* within -1 ms: 51 processes$/);
    expect(cut.qemus).toEqual([]);
    expect(pass().qemus).toHaveLength(50);
  });

  test("a process is known to hang its reader: that one is not read", () => {
    proc.add(10, qemu(uuid(2)));
    proc.add(11, qemu(u));
    const result = pass({ stuckPids: [10] });
    expect(result).toMatchObject({ qemus: [u], problem: expect.stringContaining("process 10") });
    expect(read).not.toContain(10);
    expect(pass().qemus, "until it no longer does").toEqual([uuid(2), u]);
  });
});

test("a process that was identified before its command line began to hang stays identified", () => {
  proc.add(10, qemu(u));
  pass();
  expect(pass({ stuckPids: [10] })).toMatchObject({ qemus: [u], problem: undefined });
});

describe("a pass sees nothing, and says so, where", () => {
  test("the folder is missing", () => {
    proc[Symbol.dispose]();
    expect(pass()).toMatchObject({ qemus: [], problem: expect.stringContaining("cannot read") });
  });

  test("the folder is a file", () => {
    const procPath = `${proc.path}/1/stat`;
    const result = scan.run({ procPath, limitMs: 5000, stuckPids: [] });
    expect(result.problem).toContain("cannot read");
  });

  test("there is no process at all", () => {
    proc.remove(1);
    expect(pass().problem).toContain("does not show process 1");
  });

  test("process 1 is hidden while the pass is under way: others may only seem to be gone", () => {
    proc.add(10, { comm: "bash" });
    scan = new ProcessScan([], (pid) => pid === 10 && proc.remove(1));
    expect(pass().problem).toContain("hidepid");
  });

  test("process 1 is hidden, though others are not, and libvirt may know of no domain", () => {
    proc.remove(1);
    proc.add(4242, { comm: "node" });
    expect(pass().problem).toContain("hidepid");
  });
});

test("a process that vanishes between listing and reading is no problem", () => {
  proc.add(10, qemu(uuid(2)));
  proc.add(11, qemu(uuid(3)));
  proc.add(12, qemu(u));
  // Process 11 goes while the command line of 10 is read, 10 goes just before it is.
  scan = new ProcessScan([], (pid) => {
    if (pid !== 10) return;
    proc.remove(10);
    proc.remove(11);
  });
  expect(pass()).toMatchObject({ qemus: [u], problem: undefined });
});

describe("a QEMU that does not run", () => {
  test.each([
    ["S", false],
    ["R", false],
    ["T", true],
    ["t", true],
    ["D", true],
  ])("in state %s is named as unresponsive: %s", (state, isNamed) => {
    proc.add(10, qemu(u, { state }));
    proc.add(11, { state });
    expect(pass()).toMatchObject({ qemus: [u], unresponsive: isNamed ? [u] : [] });
  });
});
