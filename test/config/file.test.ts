import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { expect, test } from "vitest";
import { fileBytesMax, readFileText } from "../../src/config/file.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const folder = new TemporaryFolder();

// Part of every Linux, so no package has to bring it.
const makeFifo = "mkfifo";
const nobody = 65_534;
// The process can become somebody else for a while, unless the tests run in a worker thread.
const isRoot = process.geteuid?.() === 0 && isMainThread;

/** Root may read everything: the mode of a file shows only to somebody else. */
function asNobody<Result>(act: () => Result): Result {
  if (isRoot) process.seteuid?.(nobody);
  try {
    return act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test("a file of exactly the allowed size is read, one byte more is refused", () => {
  const whole = folder.write("x".repeat(fileBytesMax));
  expect(readFileText(whole)).toMatchObject({ kind: "text" });
  const more = folder.write("x".repeat(fileBytesMax + 1));
  const reason = "is larger than 1048576 bytes";
  expect(readFileText(more)).toEqual({ kind: "unusable", reason });
});

test("a file without end is refused", () => {
  expect(readFileText("/dev/zero")).toMatchObject({ kind: "unusable" });
});

test("/dev/null is an empty file", () => {
  expect(readFileText("/dev/null")).toEqual({ kind: "text", text: "" });
});

test("a directory is refused as one", () => {
  mkdirSync(folder.file("directory"));
  const reason = "is a directory";
  expect(readFileText(folder.file("directory"))).toEqual({ kind: "unusable", reason });
});

test("a FIFO that nobody writes to is refused instead of waited for", () => {
  execFileSync(makeFifo, [folder.file("fifo")]);
  const reason = "is not a regular file";
  expect(readFileText(folder.file("fifo"))).toEqual({ kind: "unusable", reason });
});

test("bytes that are no UTF-8 are refused", () => {
  const file = folder.write(Uint8Array.of(0x68, 0xff, 0x69));
  expect(readFileText(file)).toEqual({ kind: "unusable", reason: "is not UTF-8 text" });
});

test("a byte order mark is not part of the text", () => {
  expect(readFileText(folder.write("\uFEFFhostId: a"))).toMatchObject({ text: "hostId: a" });
});

test("a missing file is told apart from an unusable one", () => {
  expect(readFileText(folder.file("missing"))).toEqual({ kind: "missing" });
  expect(readFileText(`${folder.write("")}/below`)).toMatchObject({ kind: "unusable" });
});

test("a loop of links and an impossible name are refused with the system's words", () => {
  symlinkSync(folder.file("loop"), folder.file("loop"));
  expect(readFileText(folder.file("loop"))).toMatchObject({
    kind: "unusable",
    reason: expect.stringMatching(/^cannot be opened: ELOOP/),
  });
  const impossible = readFileText("a\u0000b");
  expect(impossible).toMatchObject({ reason: expect.stringMatching(/^cannot be opened: /) });
  expect(JSON.stringify(impossible)).not.toContain("\\u0000");
});

function deniedText(readers: string): string {
  const uid = isRoot ? nobody : process.geteuid?.();
  const asked = `this process runs as uid ${uid} and gid ${process.getegid?.()}`;
  return `permission denied: it may be read by ${readers}; ${asked}`;
}

function writeWithMode(mode: number): string {
  const file = folder.write("hostId: a", `mode-${mode}`);
  chmodSync(folder.file(""), 0o755);
  chmodSync(file, mode);
  return file;
}

test("a file that may not be read says who may, and who asked", () => {
  const file = writeWithMode(0);
  const reason = deniedText("root (mode 0000)");
  expect(asNobody(() => readFileText(file))).toEqual({ kind: "unusable", reason });
});

// Only root can make a file that belongs to somebody else.
test.runIf(isRoot).each([
  [0o640, "root, its owner (uid 8), its group (gid 7) (mode 0640)"],
  [0o600, "root, its owner (uid 8) (mode 0600)"],
  [0o040, "root, its group (gid 7) (mode 0040)"],
])("a file of others with mode %o says who may read it", (mode, readers) => {
  const file = writeWithMode(mode);
  chownSync(file, 8, 7);
  const reason = deniedText(readers);
  expect(asNobody(() => readFileText(file))).toEqual({ kind: "unusable", reason });
});

test("a file in a closed directory says that the directory is in the way", () => {
  mkdirSync(folder.file("closed"));
  const file = folder.write("hostId: a", "closed/config.yaml");
  chmodSync(folder.file(""), 0o755);
  chmodSync(folder.file("closed"), 0);
  const read = asNobody(() => readFileText(file));
  chmodSync(folder.file("closed"), 0o755);
  expect(read).toMatchObject({
    reason: expect.stringContaining("a directory above it may not be searched; this process runs"),
  });
});
