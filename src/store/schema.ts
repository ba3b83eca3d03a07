// The tables, in numbered steps. A step that was released is never changed: a change is another step.
//
// Instants are two columns, `..._ms` on the boot-time clock and `..._wall_ms`. Times are REAL, since
// the clocks have fractions and a double is kept as it is; counters are INTEGER.

import type { DatabaseSync } from "node:sqlite";

const firstVersion = `
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  store_id TEXT NOT NULL,
  agent_epoch INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  checkpoint_ms REAL NOT NULL,
  checkpoint_wall_ms REAL NOT NULL,
  amnesia_reason TEXT,
  amnesia_since_ms REAL,
  amnesia_since_wall_ms REAL,
  amnesia_ends_at_ms REAL,
  -- 1 from a restore to the first write after it.
  is_restored INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE management_nodes (
  id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  instance TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  last_list_sequence INTEGER,
  last_list_digest TEXT,
  -- JSON: [{"place": 0, "code": "..."}]
  last_list_refused TEXT,
  lease_seconds REAL,
  orphan_ttl_seconds REAL,
  last_seen_ms REAL NOT NULL,
  last_seen_wall_ms REAL NOT NULL,
  lease_remaining_ms REAL NOT NULL,
  grace_used_ms REAL NOT NULL,
  departed_cause TEXT,
  departed_ms REAL,
  departed_wall_ms REAL,
  floor_epoch INTEGER,
  floor_sequence INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
  management_node_id TEXT NOT NULL,
  vm_uuid TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  orphan_ttl_seconds REAL,
  epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  made_ms REAL NOT NULL,
  made_wall_ms REAL NOT NULL,
  orphan_cause TEXT,
  orphan_since_ms REAL,
  orphan_since_wall_ms REAL,
  orphan_granted_seconds REAL,
  orphan_expires_at_ms REAL,
  PRIMARY KEY (management_node_id, vm_uuid, operation_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
  -- The order of laying: who lays one anew lays it last.
  laid INTEGER PRIMARY KEY AUTOINCREMENT,
  management_node_id TEXT NOT NULL,
  vm_uuid TEXT NOT NULL,
  operation_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  up_to_epoch INTEGER NOT NULL,
  up_to_sequence INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  at_wall_ms REAL NOT NULL,
  UNIQUE (management_node_id, vm_uuid, operation_id)
) STRICT;

CREATE TABLE vm_floors (
  laid INTEGER PRIMARY KEY AUTOINCREMENT,
  vm_uuid TEXT NOT NULL,
  management_node_id TEXT NOT NULL,
  up_to_epoch INTEGER NOT NULL,
  up_to_sequence INTEGER NOT NULL,
  at_ms REAL NOT NULL,
  at_wall_ms REAL NOT NULL,
  UNIQUE (vm_uuid, management_node_id)
) STRICT;

CREATE TABLE history (
  -- AUTOINCREMENT: the id of an entry that was pruned is not given again.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_wall_ms REAL NOT NULL,
  kind TEXT NOT NULL,
  vm_uuid TEXT,
  management_node_id TEXT,
  operation_id TEXT,
  cause TEXT,
  asked_by TEXT NOT NULL,
  detail TEXT
) STRICT;
CREATE INDEX history_by_vm ON history (vm_uuid, id) WHERE vm_uuid IS NOT NULL;
CREATE INDEX history_by_management_node ON history (management_node_id, id)
  WHERE management_node_id IS NOT NULL;
CREATE INDEX history_by_age ON history (at_wall_ms);
`;

const stopsVersion = `
CREATE TABLE stops (
  -- The order in which something new was noted of them.
  noted INTEGER PRIMARY KEY AUTOINCREMENT,
  vm_uuid TEXT NOT NULL UNIQUE,
  cause TEXT,
  at_ms REAL NOT NULL,
  at_wall_ms REAL NOT NULL,
  is_acknowledged INTEGER NOT NULL,
  -- JSON: ["..."]
  said TEXT NOT NULL
) STRICT;
`;

/** Step n (from 1) leads from version n - 1 to n. */
export const migrations: readonly string[] = [firstVersion, stopsVersion];

/** Version of a database; 0 before the first step. */
export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}

/** Whether there is nothing in it at all: the start that made it did not come to its first commit. */
export function isBlank(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
}

/** Takes the steps that are missing, all in one transaction. */
export function migrate(database: DatabaseSync, steps: readonly string[] = migrations): void {
  const version = versionOf(database);
  if (version >= steps.length) return;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps.slice(version)) database.exec(step);
    database.exec(`PRAGMA user_version = ${steps.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
