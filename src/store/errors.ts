// Errors of the store on which a caller branches, and what SQLite's numbers mean for it.

import { accessSync, constants, statfsSync } from "node:fs";
import type { StoreFailureCode } from "../agent/ports.ts";

/** Why a store cannot be opened, backed up or restored; a closed set. */
export const storeErrorCodes = [
  /** There is none. */
  "no-store",
  /** Its folder is not there and cannot be made. */
  "no-folder",
  /** A newer version of the program wrote it. */
  "newer-version",
  /** An older version of the program wrote it, and it may not be written here. */
  "older-version",
  /** Another process holds it. */
  "held",
  /** This user may not read it. */
  "no-permission",
  /** It is damaged; said where it cannot be set aside. */
  "damaged",
  /** The disk or the folder refuses. */
  "unusable",
] as const;
export type StoreErrorCode = (typeof storeErrorCodes)[number];

/** The text says what cannot be done, why, and what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What is there is no store, or not a whole one. */
export class DamagedStore extends Error {
  override readonly name = "DamagedStore";
}

// https://www.sqlite.org/rescode.html; the primary code is the low byte of the extended one.
const sqlite = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
  /** The file ends within a page. */
  shortRead: 522,
  /** The medium could not read a block. */
  corruptFileSystem: 8458,
} as const;

interface SqliteError extends Error {
  readonly code: "ERR_SQLITE_ERROR";
  readonly errcode: number;
}

function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number";
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

/** Why the store counts as damaged; undefined if the error is of another kind. */
export function damageOf(error: unknown): string | undefined {
  if (error instanceof DamagedStore) return error.message;
  if (!isSqliteError(error)) return undefined;
  const { errcode } = error;
  const primary = errcode & 0xff;
  const isDamage =
    primary === sqlite.corrupt ||
    primary === sqlite.notADatabase ||
    errcode === sqlite.shortRead ||
    errcode === sqlite.corruptFileSystem;
  return isDamage ? error.message : undefined;
}

/** Another process holds a lock. */
export function isHeld(error: unknown): boolean {
  if (!isSqliteError(error)) return false;
  const primary = error.errcode & 0xff;
  return primary === sqlite.busy || primary === sqlite.locked;
}

/** SQLite could not open one of its files, or may not write it. */
export function isUnwritable(error: unknown): boolean {
  if (!isSqliteError(error)) return false;
  const primary = error.errcode & 0xff;
  return primary === sqlite.readOnly || primary === sqlite.cannotOpen;
}

/**
 * Why a write failed. SQLite says of some failed calls only that they failed (a full disk at the
 * growth of the -shm file, a file system that was mounted anew for reading): then the folder is
 * asked.
 */
export function failureCodeOf(error: unknown, folder: string): StoreFailureCode {
  // A sentence about a lock tells less than what it was made of.
  if (error instanceof StoreError && error.cause !== undefined) {
    return failureCodeOf(error.cause, folder);
  }
  if (isSystemError(error)) {
    if (error.code === "ENOSPC" || error.code === "EDQUOT") return "full";
    if (error.code === "EROFS") return "read-only";
  }
  if (isSqliteError(error)) {
    const primary = error.errcode & 0xff;
    if (primary === sqlite.full) return "full";
    if (primary === sqlite.readOnly) return "read-only";
    if (primary !== sqlite.inputOutput && primary !== sqlite.cannotOpen) return "failed";
  }
  if (!isWritable(folder)) return "read-only";
  return isFull(folder) ? "full" : "failed";
}

/**
 * Why nothing can be written in a folder and what to do, for people; undefined where only the
 * error says.
 */
export function writeRemedy(code: StoreFailureCode, folder: string): string | undefined {
  if (code === "full") return `the disk of ${folder} is full: make room on it`;
  if (code !== "read-only") return undefined;
  switch (accessCode(folder)) {
    case "EROFS":
      return `the file system of ${folder} is read-only: mount it for writing`;
    case "EACCES":
    case "EPERM":
      return `this user may not write in ${folder}: give it to the user of the agent`;
    default:
      return undefined;
  }
}

function accessCode(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** What a failed call on a file means, for people. */
export function systemCause(error: unknown, file: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return `${file} does not exist`;
    case "EISDIR":
      return `${file} is a folder; name a file`;
    case "ENOTDIR":
      return `a part of ${file} is no folder`;
    case "EACCES":
    case "EPERM":
      return `this user has no permission for ${file}`;
    case "EROFS":
      return `the file system of ${file} is read-only; mount it for writing`;
    case "ENOSPC":
    case "EDQUOT":
      return `the disk of ${file} is full; make room on it`;
    default:
      return message;
  }
}

/** Whether this process may write there: permissions and file system, access(2). */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Less than this is no room for a page and its frame in the log. */
const roomBytesMin = 64 * 1024;

function isFull(folder: string): boolean {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(folder);
    return bavail * bsize < roomBytesMin || (files > 0 && ffree === 0);
  } catch {
    return false;
  }
}
