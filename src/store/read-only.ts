// The store without its agent: what the command line shows when the agent is down. It takes no lock,
// changes nothing and may run beside an agent; which connection that takes is in connect.ts.

import { accessSync, constants } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { HistoryQuery, StoredHistoryEntry } from "../core/history.ts";
import type { StoredState } from "../core/records.ts";
import { connectReader } from "./connect.ts";
import { damageOf, isHeld, StoreError, type StoreErrorCode, systemCause } from "./errors.ts";
import { databaseFile, defaultStoreFolder } from "./files.ts";
import { readHistory } from "./history.ts";
import { StoreLock } from "./lock.ts";
import { migrations, versionOf } from "./schema.ts";
import { checkVersion, readState } from "./state.ts";

export type { StoredState } from "../core/records.ts";
export { StoreError } from "./errors.ts";

export class ReadOnlyStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #file: string;

  private constructor(database: DatabaseSync, file: string) {
    this.#database = database;
    this.#file = file;
  }

  /** @throws StoreError */
  static open(folder: string = defaultStoreFolder): ReadOnlyStore {
    const file = databaseFile(folder);
    return saying(file, () => {
      accessSync(file, constants.R_OK);
      const { database } = connectReader(folder);
      try {
        const version = checkVersion(database, file);
        if (version > 0 && version < migrations.length) throw olderVersion(file);
        return new ReadOnlyStore(database, file);
      } catch (error) {
        database.close();
        throw error;
      }
    });
  }

  /**
   * Management nodes, claims, tombstones and the store itself, as of one moment; undefined if no
   * agent has written yet.
   *
   * @throws StoreError
   */
  state(): StoredState | undefined {
    return saying(this.#file, () => (this.#isBlank ? undefined : readState(this.#database).state));
  }

  /**
   * One page of the history, newest first.
   *
   * @throws StoreError
   */
  history(query: HistoryQuery): readonly StoredHistoryEntry[] {
    return saying(this.#file, () => (this.#isBlank ? [] : readHistory(this.#database, query)));
  }

  /** The start that made it did not come to its first commit. */
  get #isBlank(): boolean {
    return versionOf(this.#database) === 0;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/**
 * Whether an agent runs on the store of a folder, as far as this user can tell.
 *
 * @throws StoreError
 */
export function isStoreHeld(folder: string = defaultStoreFolder): boolean {
  try {
    StoreLock.probe(folder);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "held") return true;
    // Who may not look into the folder cannot tell, and will hear of that when reading.
    if (code === "EACCES") return false;
    throw error;
  }
}

function olderVersion(file: string): StoreError {
  const sentence = `cannot read the store ${file}: an older vmsyncd wrote it; start vmsyncd, which migrates it`;
  return new StoreError("older-version", sentence);
}

/** Does something with the store; what goes wrong is said in a sentence. */
function saying<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const sentence = `cannot read the store ${file}: ${systemCause(error, file)}`;
    throw new StoreError(codeOf(error), sentence, { cause: error });
  }
}

function codeOf(error: unknown): StoreErrorCode {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no-store";
  if (code === "EACCES" || code === "EPERM") return "no-permission";
  if (damageOf(error) !== undefined) return "damaged";
  return isHeld(error) ? "held" : "unusable";
}
