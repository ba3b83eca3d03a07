// The files of a store in its folder: names, setting aside, flushing.

import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
} from "node:fs";
import path from "node:path";
import { StoreError, systemCause } from "./errors.ts";

/** Where the store is kept unless the configuration says otherwise. */
export const defaultStoreFolder = "/var/lib/vmsyncd";

/** The claims of a host are the business of the agent and of root. */
export const storeFileMode = 0o600;
const storeFolderMode = 0o700;

const databaseName = "store.db";
const lockName = "store.lock";

export function databaseFile(folder: string): string {
  return path.join(folder, databaseName);
}

export function lockFile(folder: string): string {
  return path.join(folder, lockName);
}

/** What SQLite keeps beside a database: the write-ahead log, and its index in shared memory. */
const companions = ["-wal", "-shm"] as const;

/** The write-ahead log of a database. */
export function logFile(database: string): string {
  return `${database}-wal`;
}

/** Undefined: there is no such file. */
export function statIfAny(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}

export function sizeOf(file: string): number {
  return statIfAny(file)?.size ?? 0;
}

/** Which file a name stands for, so that a file that was replaced is not taken for the same. */
export function identityOf(file: string): string | undefined {
  const found = statIfAny(file);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

/**
 * Makes the folder of the store if it is not there; its parent must be.
 *
 * @returns whether it is there now; not so on a file system that may only be read
 */
export function makeFolder(folder: string): boolean {
  if (existsSync(folder)) return true;
  try {
    mkdirSync(folder, storeFolderMode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EROFS") return false;
    const cause = systemCause(error, path.dirname(folder));
    const sentence = `cannot make the folder of the store, ${folder}: ${cause}; make it, or configure another`;
    throw new StoreError("no-folder", sentence, { cause: error });
  }
  syncFolder(path.dirname(folder));
  return true;
}

/** Makes an empty file of the right mode, unless it is there. */
export function makeFile(file: string): void {
  try {
    closeSync(openSync(file, "wx", storeFileMode));
  } catch (error) {
    // It must not even be opened: closing it would drop the locks that this process has on it.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Gives a file to whom the store belongs: the operator restores as root, the agent is not root. */
export function giveToOwner(file: string, owner: Stats): void {
  chmodSync(file, storeFileMode);
  if (process.geteuid?.() === 0) chownSync(file, owner.uid, owner.gid);
}

/** 2026-11-25T07-03-23Z: sorts, and is a file name everywhere. */
function dateForName(now: Date): string {
  return `${now.toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
}

function existsInPart(database: string): boolean {
  return ["", ...companions].some((suffix) => existsSync(`${database}${suffix}`));
}

/**
 * Moves a database and what SQLite keeps beside it to a dated name in the same folder. Nothing is
 * deleted or overwritten.
 *
 * @param why a word for the name: "damaged" or "replaced"
 * @returns the new name; undefined if there was nothing
 */
export function setAside(folder: string, why: string, now: Date): string | undefined {
  const database = databaseFile(folder);
  if (!existsInPart(database)) return undefined;
  const dated = `${databaseName}.${why}-${dateForName(now)}`;
  let name = dated;
  for (let count = 2; existsInPart(path.join(folder, name)); count += 1) name = `${dated}.${count}`;
  // The database goes first: without its log it would be an older state that looks whole, whereas a
  // log without its database is recognised at the next start.
  for (const suffix of ["", ...companions]) {
    const from = `${database}${suffix}`;
    if (existsSync(from)) renameSync(from, path.join(folder, `${name}${suffix}`));
  }
  syncFolder(folder);
  return name;
}

/** Makes names durable: those that were made, moved or removed in the folder. */
export function syncFolder(folder: string): void {
  syncPath(folder);
}

export function syncFile(file: string): void {
  syncPath(file);
}

function syncPath(at: string): void {
  const descriptor = openSync(at, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
