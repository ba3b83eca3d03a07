// Opening a store at the start of the agent: what is there, whether it is whole, and what to do if
// it is not. Everything is looked at through a connection that only reads, so that a store of a newer
// version is not touched, and a damaged one is set aside as it was found.

import { accessSync, constants } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { StoredState } from "../core/records.ts";
import { connectReader, connectWriter } from "./connect.ts";
import {
  DamagedStore,
  damageOf,
  failureCodeOf,
  isHeld,
  isUnwritable,
  isWritable,
  StoreError,
  writeRemedy,
} from "./errors.ts";
import {
  databaseFile,
  identityOf,
  logFile,
  makeFile,
  makeFolder,
  setAside,
  sizeOf,
  statIfAny,
  syncFolder,
} from "./files.ts";
import { StoreLock } from "./lock.ts";
import { migrate, migrations } from "./schema.ts";
import { checkPages, checkVersion, type ReadState, readState } from "./state.ts";

/** What a store says of the agent's past. */
export type StoredPast =
  | { readonly amnesiaReason?: undefined; readonly state: StoredState; readonly detail?: undefined }
  | {
      readonly amnesiaReason: "new-store" | "damaged-store" | "restored-store";
      /** A sentence for log and history. */
      readonly detail?: string;
      /** What is known in spite of it. */
      readonly state?: StoredState;
    };

export interface BegunStore {
  readonly past: StoredPast;
  /** What is needed to write; undefined if nothing can be written now. */
  readonly writing: Writing | undefined;
  /** Which file `past` was read from; undefined if there is none. */
  readonly identity: string | undefined;
}

/** The lock and the one connection that writes. */
export interface Writing {
  readonly database: DatabaseSync;
  readonly lock: StoreLock;
}

/**
 * Opens the store of a folder, and makes what is not there.
 *
 * @throws StoreError if it must not be used: newer, held by another process, not readable
 */
export function beginStore(folder: string, now: () => Date): BegunStore {
  const file = databaseFile(folder);
  if (!makeFolder(folder)) return withoutFile("its file system is read-only: mount it for writing");
  checkReadable(file, folder);
  const canWrite = isWritable(folder) && (statIfAny(file) === undefined || isWritable(file));
  const lock = canWrite ? takeLock(folder) : undefined;
  if (lock === undefined) {
    StoreLock.probe(folder);
    return beginReadOnly(folder);
  }
  try {
    return beginWritable(folder, lock, now);
  } catch (error) {
    lock[Symbol.dispose]();
    throw sentenceOf(error, file);
  }
}

/** Undefined: the disk is too full even for that. */
function takeLock(folder: string): StoreLock | undefined {
  try {
    return StoreLock.take(folder);
  } catch (error) {
    if (failureCodeOf(error, folder) === "full") return undefined;
    throw error;
  }
}

/** Nothing but a lack of permission is said here: what is not there is made later. */
function checkReadable(file: string, folder: string): void {
  try {
    accessSync(file, constants.R_OK);
    return;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    const sentence = `cannot read the store: ${message}; ${folder} and what is in it must belong to the user of the agent`;
    const isPermission = code === "EACCES" || code === "EPERM";
    throw new StoreError(isPermission ? "no-permission" : "unusable", sentence, { cause: error });
  }
}

/** @param setAsidePast what is to be said of a store that was set aside just now */
function beginWritable(
  folder: string,
  lock: StoreLock,
  now: () => Date,
  setAsidePast?: StoredPast,
): BegunStore {
  let database: DatabaseSync | undefined;
  try {
    const found = look(folder);
    database = connect(folder);
    // What an older version wrote is read after its migration, by the tables of this one.
    const past = pastOf(found === "older" ? readState(database) : found);
    const identity = identityOf(databaseFile(folder));
    return { past: setAsidePast ?? past, writing: { database, lock }, identity };
  } catch (error) {
    const damage = damageOf(error);
    if (damage !== undefined && setAsidePast === undefined) {
      // Before the connection is closed: closing writes the log into the database.
      const name = setAside(folder, "damaged", now());
      database?.close();
      const detail = `the store was damaged (${damage}) and is set aside as ${name}`;
      return beginWritable(folder, lock, now, { amnesiaReason: "damaged-store", detail });
    }
    database?.close();
    // Permissions do not tell all: the disk may be full, or a file immutable.
    if (failureCodeOf(error, folder) !== "full" && !isUnwritable(error)) throw error;
    const begun = beginReadOnly(folder, setAsidePast);
    lock[Symbol.dispose]();
    return begun;
  }
}

/** The connection that writes, to a database of the present version. */
function connect(folder: string): DatabaseSync {
  const file = databaseFile(folder);
  makeFile(file);
  const database = connectWriter(file);
  try {
    migrate(database);
    syncFolder(folder);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** https://www.sqlite.org/fileformat.html */
const pageBytesMin = 512;
const nothing: ReadState = { state: undefined, isRestored: false };

/**
 * What a folder holds, looked at without changing it.
 *
 * @returns "older" for a version whose tables have to be migrated before they can be read
 */
function look(folder: string): ReadState | "older" {
  const file = databaseFile(folder);
  if (sizeOf(file) === 0) {
    // SQLite would delete the log of an empty database.
    if (sizeOf(logFile(file)) > 0) throw new DamagedStore("its log is there and it is not");
    return nothing;
  }
  // A file of one byte is an empty database to SQLite.
  if (sizeOf(file) < pageBytesMin) throw new DamagedStore("it ends within its first page");
  using reading = connectReader(folder);
  const { database } = reading;
  const version = checkVersion(database, file);
  checkPages(database);
  if (version === 0) return nothing;
  return version < migrations.length ? "older" : readState(database);
}

function pastOf({ state, isRestored }: ReadState): StoredPast {
  if (state === undefined) return { amnesiaReason: "new-store" };
  if (!isRestored) return { state };
  return { amnesiaReason: "restored-store", detail: "the store came from a backup", state };
}

/** What can be read is used, and every write fails until it can be written. */
function beginReadOnly(folder: string, setAsidePast?: StoredPast): BegunStore {
  const file = databaseFile(folder);
  if (setAsidePast !== undefined) return withoutWriting(setAsidePast, file);
  if (statIfAny(file) === undefined) {
    const code = failureCodeOf(new Error("none can be made"), folder);
    return withoutFile(writeRemedy(code, folder) ?? "none can be made");
  }
  try {
    const found = look(folder);
    if (found !== "older") return withoutWriting(pastOf(found), file);
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw sentenceOf(error, file);
    const detail = `the store is damaged (${damage}), and cannot be set aside now`;
    return withoutWriting({ amnesiaReason: "damaged-store", detail }, file);
  }
  throw new StoreError(
    "older-version",
    `cannot open the store ${file}: an older vmsyncd wrote it, and it has to be migrated but cannot be written; make it writable`,
  );
}

/** Without state there is no identity either: the first write that can begins a store anew. */
function withoutWriting(past: StoredPast, file: string): BegunStore {
  const identity = past.state === undefined ? undefined : identityOf(file);
  return { past, writing: undefined, identity };
}

function withoutFile(why: string): BegunStore {
  const detail = `there is no store, and ${why}`;
  return {
    past: { amnesiaReason: "new-store", detail },
    writing: undefined,
    identity: undefined,
  };
}

function sentenceOf(error: unknown, file: string): Error {
  if (error instanceof StoreError) return error;
  const { message } = error as Error;
  const remedy = isHeld(error)
    ? "another process holds it: end that process"
    : "see to the disk and the folder";
  const code = isHeld(error) ? "held" : "unusable";
  return new StoreError(code, `cannot open the store ${file}: ${message}; ${remedy}`, {
    cause: error,
  });
}
