// One agent per store. The lock is SQLite's own, on an empty database beside the store, since Node
// has no file locks: it ends with its process, however that ends. It is not on the store itself, so
// that the history, a backup and the command line can read beside the agent.

import { DatabaseSync } from "node:sqlite";
import { isHeld, isWritable, StoreError } from "./errors.ts";
import { giveToOwner, lockFile, makeFile, statIfAny } from "./files.ts";

/** Long enough for a reader of the lock that is just passing. */
const lockWaitMs = 200;

export class StoreLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock of the store in a folder that can be written.
   *
   * @throws StoreError "held" if another process has it
   */
  static take(folder: string): StoreLock {
    const file = lockFile(folder);
    let database: DatabaseSync | undefined;
    try {
      if (statIfAny(file) === undefined) {
        makeFile(file);
        // Made by root, as in a restore, it has to be the agent's all the same.
        const owner = statIfAny(folder);
        if (owner !== undefined) giveToOwner(file, owner);
      }
      // SQLite falls back to reading, and a reader's lock keeps nobody out.
      if (!isWritable(file)) throw new Error("it may not be written");
      database = new DatabaseSync(file, { timeout: lockWaitMs });
      // Without it SQLite would write a journal beside the lock, which a full disk refuses.
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return new StoreLock(database);
    } catch (error) {
      database?.close();
      throw refusalOf(error, folder);
    }
  }

  /**
   * Looks whether another process has the lock, where it cannot be taken: on a file system that may
   * only be read.
   *
   * @throws StoreError "held"
   */
  static probe(folder: string): void {
    const file = lockFile(folder);
    if (statIfAny(file) === undefined) return;
    try {
      using database = new DatabaseSync(file, { readOnly: true, timeout: lockWaitMs });
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
    } catch (error) {
      if (isHeld(error)) throw refusalOf(error, folder);
      // Who may not read the lock did not write it either.
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function refusalOf(error: unknown, folder: string): StoreError {
  const file = lockFile(folder);
  if (isHeld(error)) {
    const sentence = `cannot open the store in ${folder}: another process holds it; one agent per store: stop the other one, or configure another folder`;
    return new StoreError("held", sentence, { cause: error });
  }
  const sentence = `cannot lock the store: ${file}: ${(error as Error).message}; see to the file and its owner`;
  return new StoreError("unusable", sentence, { cause: error });
}
