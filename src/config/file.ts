import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { printable } from "./quote.ts";

/** Larger files are refused before they are parsed. */
export const fileBytesMax = 1024 * 1024;

export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "unusable"; readonly reason: string };

/** The text of the configuration file; blocks on nothing and holds at most `fileBytesMax`. */
export function readFileText(file: string): FileText {
  let descriptor: number;
  try {
    // Without O_NONBLOCK opening a FIFO that nobody writes to would never return.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return openFailed(file, error);
  }
  try {
    const status = fstatSync(descriptor);
    if (status.isDirectory()) return unusable("is a directory");
    // A character device is let through for /dev/null.
    if (!status.isFile() && !status.isCharacterDevice()) return unusable("is not a regular file");
    return decode(readBounded(descriptor));
  } catch (error) {
    return unusable(`cannot be read: ${messageOf(error)}`);
  } finally {
    closeSync(descriptor);
  }
}

/** At most one byte more than allowed, whatever size the file claims or grows to. */
function readBounded(descriptor: number): Buffer {
  const buffer = Buffer.allocUnsafe(fileBytesMax + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(descriptor, buffer, length, buffer.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function decode(bytes: Buffer): FileText {
  if (bytes.length > fileBytesMax) return unusable(`is larger than ${fileBytesMax} bytes`);
  try {
    return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return unusable("is not UTF-8 text");
  }
}

function openFailed(file: string, error: unknown): FileText {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return { kind: "missing" };
  if (code === "EACCES") return unusable(`permission denied: ${readersOf(file)}`);
  return unusable(`cannot be opened: ${messageOf(error)}`);
}

/** Who may read the file, and who asked: the two that somebody has to bring together. */
function readersOf(file: string): string {
  const asked = `this process runs as uid ${process.geteuid?.()} and gid ${process.getegid?.()}`;
  let status: { mode: number; uid: number; gid: number };
  try {
    status = statSync(file);
  } catch {
    return `a directory above it may not be searched; ${asked}`;
  }
  const { mode, uid, gid } = status;
  const readers = ["root"];
  if (mode & 0o400 && uid !== 0) readers.push(`its owner (uid ${uid})`);
  if (mode & 0o040) readers.push(`its group (gid ${gid})`);
  if (mode & 0o004) readers.push("others");
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  return `it may be read by ${readers.join(", ")} (mode ${octal}); ${asked}`;
}

function unusable(reason: string): FileText {
  return { kind: "unusable", reason };
}

function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}
