// Backup and restore, by the operator. A backup is one file that stands for itself; a restored store
// is marked, since claims were made after the backup that it does not know.

import {
  accessSync,
  closeSync,
  copyFileSync,
  constants,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StoredState } from "../core/records.ts";
import { connectReader } from "./connect.ts";
import { damageOf, StoreError } from "./errors.ts";
import {
  databaseFile,
  giveToOwner,
  logFile,
  makeFolder,
  setAside,
  sizeOf,
  statIfAny,
  storeFileMode,
  syncFile,
  syncFolder,
} from "./files.ts";
import { StoreLock } from "./lock.ts";
import { markRestored } from "./meta.ts";
import { migrate } from "./schema.ts";
import { checkPages, checkVersion, readState } from "./state.ts";

/**
 * Writes a consistent copy of a store to a new file, whether an agent runs or not.
 *
 * @throws StoreError; nothing is left behind then
 */
export function backupStore(folder: string, file: string): void {
  const store = databaseFile(folder);
  checkReadable(store);
  reserve(file);
  const partial = `${file}.partial`;
  try {
    closeSync(openSync(partial, "wx", storeFileMode));
    using reading = connectReader(folder);
    checkVersion(reading.database, store);
    // One statement, hence one snapshot: writes go on beside it.
    reading.database.prepare("VACUUM INTO ?").run(partial);
    check(partial);
    syncFile(partial);
    renameSync(partial, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      rmSync(file, { force: true });
      throw failure("back up", store, `${partial} is in the way`, "unusable", error);
    }
    rmSync(partial, { force: true });
    rmSync(file, { force: true });
    throw sentenceOf("back up", store, error);
  }
}

function checkReadable(store: string): void {
  try {
    accessSync(store, constants.R_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw failure("back up", store, "there is no store", "no-store", error);
    throw failure(
      "back up",
      store,
      message,
      code === "EACCES" ? "no-permission" : "unusable",
      error,
    );
  }
}

/** Makes the file that the backup will replace, so that nobody else's is overwritten. */
function reserve(file: string): void {
  try {
    closeSync(openSync(file, "wx", storeFileMode));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isThere = code === "EEXIST";
    const sentence = isThere
      ? `cannot write the backup: ${file} exists; name another file`
      : `cannot write the backup: ${message}`;
    throw new StoreError("unusable", sentence, { cause: error });
  }
}

export interface RestoredStore {
  /** The file in the folder that holds what was there before; undefined if there was nothing. */
  readonly setAsideAs: string | undefined;
  /** What the agent will begin with, in amnesia. */
  readonly state: StoredState;
}

/**
 * Puts a backup in the place of a store. The next start of the agent has a new store id and amnesia.
 *
 * @throws StoreError: an agent runs, or the file is no whole backup; the store is as it was then
 */
export function restoreStore(file: string, folder: string, now: Date = new Date()): RestoredStore {
  if (sizeOf(file) === 0) throw failure("restore", file, "there is no backup in it", "no-store");
  if (!makeFolder(folder)) throw failure("restore", file, `${folder} is read-only`, "unusable");
  using _lock = StoreLock.take(folder);
  const store = databaseFile(folder);
  const owner = statIfAny(store) ?? statSync(folder);
  const copy = `${store}.restoring`;
  try {
    removeCopy(copy); // of a restore that did not come to its end
    copyFileSync(file, copy, constants.COPYFILE_EXCL);
    giveToOwner(copy, owner);
    // A store that was copied by hand may have a log.
    if (sizeOf(logFile(file)) > 0) copyFileSync(logFile(file), logFile(copy));
    const state = prepare(copy);
    syncFile(copy);
    const setAsideAs = setAside(folder, "replaced", now);
    renameSync(copy, store);
    syncFolder(folder);
    return { setAsideAs, state };
  } catch (error) {
    removeCopy(copy);
    throw sentenceOf("restore", file, error);
  }
}

/** Checks a copy, marks it, and makes it one file without a log. */
function prepare(copy: string): StoredState {
  using database = new DatabaseSync(copy);
  if (checkVersion(database, copy) === 0) throw new Error("it is no store");
  checkPages(database);
  migrate(database);
  const { state } = readState(database);
  if (state === undefined) throw new Error("nothing was ever written to it");
  markRestored(database);
  database.exec("PRAGMA journal_mode = DELETE");
  return state;
}

/** Whether a file is a whole store; throws if not. */
function check(file: string): void {
  using database = new DatabaseSync(file, { readOnly: true });
  checkPages(database);
}

function removeCopy(copy: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"])
    rmSync(`${copy}${suffix}`, { force: true });
}

function sentenceOf(verb: "back up" | "restore", file: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const damage = damageOf(error);
  const cause = damage === undefined ? (error as Error).message : `it is damaged: ${damage}`;
  return failure(verb, file, cause, damage === undefined ? "unusable" : "damaged", error);
}

function failure(
  verb: "back up" | "restore",
  file: string,
  cause: string,
  code: StoreError["code"],
  error?: unknown,
): StoreError {
  const options = error === undefined ? undefined : { cause: error };
  return new StoreError(code, `cannot ${verb} ${file}: ${cause}`, options);
}
