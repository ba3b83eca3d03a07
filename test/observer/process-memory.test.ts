// What a scan remembers from pass to pass, and when it must not.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type KnownProcess,
  ProcessScan,
  type ScanResult,
} from "../../src/observer/process-scan.ts";
import { type FakeProcess, ProcFolder, qemu, uuid } from "./proc-folder.ts";

const u = uuid(1);
let proc: ProcFolder;
let read: number[];
let scan: ProcessScan;

function scanThatKnows(known: readonly KnownProcess[]): ProcessScan {
  return new ProcessScan(known, (pid) => pid !== 0 && read.push(pid));
}

/** What a pass says after process 10 has become that; process 1 is known from an earlier one. */
function passWith(of: FakeProcess): ScanResult {
  proc.add(10, of);
  read = [];
  return scan.run({ procPath: proc.path, limitMs: 5000, stuckPids: [] });
}

beforeEach(() => {
  proc = new ProcFolder();
  scan = scanThatKnows([]);
  passWith({ comm: "short-lived" });
  proc.remove(10);
  scan.run({ procPath: proc.path, limitMs: 5000, stuckPids: [] });
});
afterEach(() => proc[Symbol.dispose]());

describe("that a process is the QEMU of a VM", () => {
  test("is read once", () => {
    expect(passWith(qemu(u)).qemus).toEqual([u]);
    expect(read).toEqual([10]);
    expect(passWith(qemu(u))).toMatchObject({ qemus: [u], learned: [] });
    expect(read).toEqual([]);
  });

  test("is final for the pid and start time, whatever it calls itself later", () => {
    passWith(qemu(u));
    expect(passWith({ comm: "web-1", args: [] })).toMatchObject({ qemus: [u], problem: undefined });
  });

  test("does not pass on to the next process of that pid", () => {
    passWith(qemu(u, { startTime: 100 }));
    expect(passWith({ comm: "bash", startTime: 101 })).toMatchObject({ qemus: [] });
    expect(passWith(qemu(uuid(2), { startTime: 102 })).qemus).toEqual([uuid(2)]);
  });

  test("does not survive the process, even if the next one begins at the same tick", () => {
    passWith(qemu(u));
    proc.remove(10);
    expect(scan.run({ procPath: proc.path, limitMs: 5000, stuckPids: [] }).gone).toEqual([10]);
    expect(passWith(qemu(uuid(2))).qemus).toEqual([uuid(2)]);
  });
});

describe("that a process is no QEMU", () => {
  test("is read once, as long as it keeps its name", () => {
    passWith({ comm: "bash" });
    expect(read).toEqual([10]);
    passWith({ comm: "bash" });
    expect(read).toEqual([]);
  });

  test("is forgotten when it becomes another program: same pid, same start time", () => {
    for (const comm of ["sh", "daemon-init", "prio-rpc-libvir"]) passWith({ comm });
    expect(passWith(qemu(u)).qemus).toEqual([u]);
  });

  test.each(["rpc-libvirtd", "libvirtd", "rpc-virtqemud", "virtqemud"])(
    "is not remembered while it is %s: its child becomes QEMU",
    (comm) => {
      expect(passWith({ comm }).learned).toEqual([]);
      // Its name was read before it became QEMU, its command line after: the name is still old.
      expect(passWith({ ...qemu(u), comm }).qemus).toEqual([u]);
    },
  );

  test.each(["qemu-kvm", "qemu-system-x86", "kvm"])(
    "is not remembered while it is called %s: a script of that name becomes QEMU",
    (comm) => {
      const script = { comm, args: ["/bin/sh", `/usr/local/bin/${comm}`, "-uuid", u] };
      expect(passWith(script)).toMatchObject({ qemus: [], learned: [], problem: undefined });
      expect(passWith({ ...qemu(u), comm }).qemus).toEqual([u]);
    },
  );
});

test("that a process has no command line is not remembered: at an exec its name changes first", () => {
  const wrapped = { comm: ".qemu-wrapped" };
  expect(passWith({ ...wrapped, args: [] })).toMatchObject({ learned: [], problem: undefined });
  expect(passWith({ ...qemu(u), ...wrapped }).qemus).toEqual([u]);
});

test("what one scan learned another can go on with", () => {
  const [learned] = passWith(qemu(u)).learned;
  expect(learned).toEqual({ pid: 10, startTime: "4711", comm: "qemu-system-x86", vmUuid: u });
  scan = scanThatKnows(learned === undefined ? [] : [learned]);
  expect(passWith(qemu(u)).qemus).toEqual([u]);
  expect(read).not.toContain(10);
});
