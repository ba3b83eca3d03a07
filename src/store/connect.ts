// Connections to a store: one that writes, and those that read beside it.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { failureCodeOf, isUnwritable } from "./errors.ts";
import { databaseFile, logFile, sizeOf } from "./files.ts";

/** Longest wait for another process, such as a shell on the database, to end its transaction. */
const writerWaitMs = 5_000;
const readerWaitMs = 5_000;
/**
 * Pages (4 KiB) in the log after which it is brought into the database, with two more flushes. At
 * SQLite's own 1,000 they were one flush in six of a busy agent.
 */
const logPages = 8_000;
/** A log that one large list has made long is cut to this when it begins anew. */
const logBytesKept = 4096 * logPages;

/**
 * The connection that writes. The database file must be there or its folder be writable.
 *
 * synchronous=FULL: in WAL mode each commit is flushed before it returns, which NORMAL leaves to the
 * next checkpoint.
 */
export function connectWriter(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: writerWaitMs });
  try {
    database.exec("PRAGMA trusted_schema = OFF");
    database.exec("PRAGMA cell_size_check = ON");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec(`PRAGMA wal_autocheckpoint = ${logPages}`);
    database.exec(`PRAGMA journal_size_limit = ${logBytesKept}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export interface Reading extends Disposable {
  readonly database: DatabaseSync;
  /** It does not see what is written later. */
  readonly isSnapshot: boolean;
}

/**
 * A connection that only reads, for every case in which the files can be read at all.
 *
 * The ordinary one is right whether an agent runs or not, and sees what the log holds. SQLite makes
 * -wal and -shm for it if they are not there, and leaves them behind; made by root they are given to
 * the owner of the database, so that the agent can open them.
 *
 * Where those files cannot be made (a file system mounted for reading, a full disk) an
 * `immutable` connection needs none, but it does not look at the log: with a log that holds anything,
 * it would miss acknowledged claims. Then the database and its log are copied and the copy is read.
 * An agent that writes meanwhile is not to be feared there, for neither can it.
 */
export function connectReader(folder: string): Reading {
  const file = databaseFile(folder);
  const ordinary = new DatabaseSync(file, { readOnly: true, timeout: readerWaitMs });
  try {
    touch(ordinary);
    return reading(ordinary, false);
  } catch (error) {
    ordinary.close();
    if (!isUnwritable(error) && failureCodeOf(error, folder) !== "full") throw error;
  }
  return reading(sizeOf(logFile(file)) === 0 ? openImmutable(file) : openCopy(file), true);
}

function openImmutable(file: string): DatabaseSync {
  const address = pathToFileURL(file);
  address.searchParams.set("immutable", "1");
  return new DatabaseSync(address, { readOnly: true });
}

function openCopy(file: string): DatabaseSync {
  const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-store-"));
  try {
    const copy = path.join(folder, path.basename(file));
    copyFileSync(file, copy);
    if (existsSync(logFile(file))) copyFileSync(logFile(file), logFile(copy));
    const database = new DatabaseSync(copy, { readOnly: true });
    // From here on it holds its files open, and their names are no longer needed.
    touch(database);
    return database;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opening alone reads nothing: the first statement does. */
function touch(database: DatabaseSync): void {
  database.prepare("SELECT count(*) FROM sqlite_schema").get();
}

function reading(database: DatabaseSync, isSnapshot: boolean): Reading {
  return { database, isSnapshot, [Symbol.dispose]: () => database.close() };
}
