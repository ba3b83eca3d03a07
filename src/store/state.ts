// What the agent needs of its past, read from a database whole or not at all.

import type { DatabaseSync } from "node:sqlite";
import type { StoredState } from "../core/records.ts";
import { DamagedStore, StoreError } from "./errors.ts";
import { readMeta } from "./meta.ts";
import { isBlank, migrations, versionOf } from "./schema.ts";
import { readAll } from "./table.ts";
import { claimTable, floorTable, nodeTable, stopTable, tombstoneTable } from "./tables.ts";

/** What a store says of its past. */
export interface ReadState {
  /** Undefined: it was made, and nothing was ever written. */
  readonly state: StoredState | undefined;
  /** It came from a backup, and no agent has written since. */
  readonly isRestored: boolean;
}

const neverWritten: ReadState = { state: undefined, isRestored: false };

/**
 * Refuses a database that this program does not know.
 *
 * @returns its version; 0 if it is blank
 * @throws StoreError "newer-version"
 * @throws DamagedStore
 */
export function checkVersion(database: DatabaseSync, file: string): number {
  const version = versionOf(database);
  const known = migrations.length;
  if (version > known) {
    throw new StoreError(
      "newer-version",
      `cannot open the store ${file}: a newer vmsyncd wrote it (version ${version}, this one knows ${known}); install that vmsyncd again, or move the store away to begin anew with amnesia`,
    );
  }
  if (version < 0) throw new DamagedStore(`its version is ${version}`);
  if (version === 0 && !isBlank(database))
    throw new DamagedStore("it is another program's database");
  return version;
}

/**
 * Looks at every page.
 *
 * @throws DamagedStore
 */
export function checkPages(database: DatabaseSync): void {
  const row = database.prepare("PRAGMA quick_check(1)").get();
  const verdict = row === undefined ? "no verdict" : String(Object.values(row)[0]);
  if (verdict !== "ok") throw new DamagedStore(verdict.replaceAll("\n", " "));
}

/**
 * Reads a database of the present version, in one snapshot.
 *
 * @throws DamagedStore
 */
export function readState(database: DatabaseSync): ReadState {
  database.exec("BEGIN");
  try {
    return readTables(database);
  } catch (error) {
    // Version and pages were found good, so SQL that fails means that a table is not there.
    if (isSqlError(error)) throw new DamagedStore(error.message, { cause: error });
    throw error;
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

function readTables(database: DatabaseSync): ReadState {
  const meta = readMeta(database);
  const [nodes, claims] = [readAll(database, nodeTable), readAll(database, claimTable)];
  const [tombstones, floors] = [readAll(database, tombstoneTable), readAll(database, floorTable)];
  const stops = readAll(database, stopTable);
  database.prepare("SELECT id, at_wall_ms, kind, asked_by FROM history LIMIT 1").get();
  if (meta === undefined) {
    const isEmpty = [nodes, claims, tombstones, floors, stops].every(({ length }) => length === 0);
    if (isEmpty) return neverWritten;
    throw new DamagedStore("it has rows and no identity");
  }
  const { isRestored, ...about } = meta;
  return { state: { ...about, nodes, claims, tombstones, floors, stops }, isRestored };
}

/** SQLITE_ERROR: no such table, no such column. */
function isSqlError(error: unknown): error is Error {
  return error instanceof Error && "errcode" in error && error.errcode === 1;
}
