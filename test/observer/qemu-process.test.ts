import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isAlive,
  looksLikeQemu,
  mayBecomeQemu,
  parseStat,
  qemuUuid,
} from "../../src/observer/qemu-process.ts";
import { qemu, statLine, uuid } from "./proc-folder.ts";

const u = uuid(1);
const line = (...words: readonly string[]): string => words.map((word) => `${word}\0`).join("");

describe("a status line", () => {
  test("of a real kernel gives name, state, threads and start time", () => {
    const text =
      "2713 (qemu-system-x86) S 1 2712 2712 0 -1 138412416 1 0 0 0 27 12 0 0 20 0 5 0 88123 9 9 1";
    const stat = { comm: "qemu-system-x86", state: "S", threads: 5, startTime: "88123" };
    expect(parseStat(text)).toEqual({ ...stat, isKernelThread: false });
  });

  test("tells the threads of the kernel", () => {
    const text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 2 0 0";
    expect(parseStat(text)).toMatchObject({ comm: "kthreadd", isKernelThread: true });
  });

  test("is read right whatever the program calls itself", () => {
    const piece = fc.constantFrom("(", ")", " ", "\n", ") S 1 1", "a", "é", "0");
    const anyComm = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(anyComm, fc.constantFrom("R", "S", "D", "Z"), (comm, state) => {
        const text = statLine(77, { comm, state, threads: 3, startTime: 99 });
        const read = { comm, state, threads: 3, startTime: "99", isKernelThread: false };
        expect(parseStat(text)).toEqual(read);
      }),
    );
  });

  test("that is empty or cut short before the start time is none", () => {
    const text = statLine(77, { comm: "qemu-kvm", startTime: 99 });
    const end = text.indexOf(" 99 ");
    for (let length = 0; length <= end; length += 1) {
      expect(parseStat(text.slice(0, length)), `${length} characters`).toBeUndefined();
    }
    expect(parseStat(") 1 (")).toBeUndefined();
  });
});

describe("a process", () => {
  test.each([
    ["R", 1, true],
    ["S", 9, true],
    ["D", 1, true],
    ["T", 1, true],
    ["t", 1, true],
    ["I", 1, true],
    ["Z", 1, false],
    ["X", 1, false],
    ["x", 1, false],
    ["Z", 2, true], // its first thread has ended, another may hang in the kernel with the disk open
    ["Z", 0, false],
  ])("in state %s with %i threads: alive is %s", (state, threads, alive) => {
    const stat = { comm: "qemu-kvm", startTime: "1", state, threads, isKernelThread: false };
    expect(isAlive(stat)).toBe(alive);
  });
});

describe("a command line", () => {
  test.each([
    ["QEMU as libvirt starts it", line(...(qemu(u).args ?? []))],
    ["QEMU for another machine", line("/usr/bin/qemu-system-aarch64", "-uuid", u)],
    ["QEMU of Red Hat's", line("/usr/libexec/qemu-kvm", "-name", "guest=x", "-uuid", u)],
    ["QEMU of Debian's old name", line("kvm", "-uuid", u)],
    ["QEMU with two dashes", line("qemu-system-x86_64", "--uuid", u)],
    ["QEMU with an uppercase uuid", line("qemu-kvm", "-uuid", u.toUpperCase())],
    ["QEMU with the uuid at the very end, not closed", `qemu-kvm\0-uuid\0${u}`],
    ["an emulator of another name", line("/opt/emu", "-name", "guest=x", "-S", "-uuid", u)],
    ["a wrapper of QEMU", line("/bin/sh", "/opt/wrap", "-name", "guest=x", "-uuid", u)],
    ["QEMU in the middle of other options", line("qemu-kvm", "-m", "1", "-uuid", u, "-S")],
  ])("of %s names its VM", (_, text) => {
    expect(qemuUuid(text)).toBe(u);
  });

  test.each([
    ["qemu-img", line("/usr/bin/qemu-img", "convert", "-uuid", u)],
    ["qemu-nbd", line("/usr/bin/qemu-nbd", "--uuid", u, "-x", u)],
    ["qemu-io, qemu-storage-daemon", line("qemu-storage-daemon", "-uuid", u)],
    ["a bridge helper", line("/usr/lib/qemu/qemu-bridge-helper", "-uuid", u)],
    ["grep", line("grep", "qemu-system-x86_64", "-uuid", u)],
    ["a shell that will start QEMU", line("sh", "-c", `qemu-system-x86_64 -uuid ${u}`)],
    ["libvirt's daemon", line("/usr/sbin/libvirtd", "--timeout", "120")],
    ["guestfs, whose uuids stand elsewhere", line("qemu-kvm", "-name", `guestfs-${u}`, "-S")],
    ["QEMU with the uuid in one word", line("qemu-kvm", `-uuid=${u}`)],
    ["QEMU whose -uuid is the last word", line("qemu-kvm", "-S", "-uuid")],
    ["QEMU with no uuid behind -uuid", line("qemu-kvm", "-uuid", "-S", u)],
    ["a folder called like QEMU", line("/opt/qemu-kvm/bin/exporter", "-uuid", u)],
    ["a program that names a guest elsewhere", line("ps", "guest=x", "-uuid", u)],
    ["nothing: a kernel thread", ""],
  ])("of %s names none", (_, text) => {
    expect(qemuUuid(text)).toBeUndefined();
  });
});

describe("a program's name", () => {
  test.each(["rpc-libvirtd", "libvirtd", "rpc-virtqemud", "virtqemud"])(
    "%s may become QEMU",
    (comm) => expect(mayBecomeQemu(comm)).toBe(true),
  );

  test.each(["qemu-system-x86", "qemu-system-aar", "qemu-kvm", "kvm", "qemu", "qemu:web-1"])(
    "%s must be identified",
    (comm) => expect(looksLikeQemu(comm)).toBe(true),
  );

  test.each(["bash", "kvm-nx-lpage-re", "qemu-img", "qemu-nbd", "qemu-ga", "kworker/R-kvm"])(
    "%s is neither",
    (comm) => expect([mayBecomeQemu(comm), looksLikeQemu(comm)]).toEqual([false, false]),
  );
});
