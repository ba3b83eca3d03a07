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
  type Stats,
  statSync,
} from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StoredState } from "../core/records.ts";
import { connectReader } from "./connect.ts";
import { damageOf, StoreError, systemCause } from "./errors.ts";
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
import { migrate, migrations, versionOf } from "./schema.ts";
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
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw failure("back up", store, "there is no store", "no-store", error);
    throw sentenceOf("back up", store, error);
  }
}

/** Makes the file that the backup will replace, so that nobody else's is overwritten. */
function reserve(file: string): void {
  try {
    closeSync(openSync(file, "wx", storeFileMode));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const folder = path.dirname(file);
    const cause =
      code === "EEXIST" ? `${file} exists; name another file` : systemCause(error, folder);
    const advice = code === "ENOENT" ? "; make it, or name a file elsewhere" : "";
    const sentence = `cannot write the backup: ${cause}${advice}`;
    throw new StoreError(codeOf(error), sentence, { cause: error });
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
  checkBackup(file);
  if (!makeFolder(folder)) {
    const cause = `the file system of ${folder} is read-only; mount it for writing`;
    throw failure("restore", file, cause, "unusable");
  }
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
    const state = prepare(copy, file);
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

/** Says what is no file before anything is made. */
function checkBackup(file: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(file, { throwIfNoEntry: false });
    if (found !== undefined) accessSync(file, constants.R_OK);
  } catch (error) {
    throw sentenceOf("restore", file, error);
  }
  const name = "name a file that vmsyncctl backup has written";
  const refuse = (cause: string): StoreError =>
    failure("restore", file, `${cause}; ${name}`, "unusable");
  if (found === undefined) throw refuse("the file does not exist");
  if (!found.isFile()) throw refuse(found.isDirectory() ? "it is a folder" : "it is no file");
  if (found.size === 0) throw refuse("it is empty");
}

/** Checks a copy, marks it, and makes it one file without a log. */
function prepare(copy: string, file: string): StoredState {
  using database = new DatabaseSync(copy);
  const [version, known] = [versionOf(database), migrations.length];
  if (version > known) {
    const cause = `a newer vmsyncd wrote it (version ${version}, this one knows ${known}); install that vmsyncd, or restore an older backup`;
    throw failure("restore", file, cause, "newer-version");
  }
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
  const cause =
    damage === undefined ? systemCause(error, placeOf(error, file)) : damagedText(damage);
  return failure(verb, file, cause, damage === undefined ? codeOf(error) : "damaged", error);
}

/** The file that a failed call was about. */
function placeOf(error: unknown, file: string): string {
  const { path: place, dest } = error as NodeJS.ErrnoException & { dest?: string };
  const isBackup = place === undefined || place === file;
  return isBackup && dest === undefined ? file : path.dirname(dest ?? place ?? file);
}

function damagedText(damage: string): string {
  return `it is damaged: ${damage}`;
}

function codeOf(error: unknown): StoreError["code"] {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EACCES" || code === "EPERM" ? "no-permission" : "unusable";
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
