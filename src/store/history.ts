// History as rows: appended, pruned in small portions, read back page by page.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  HistoryEntry,
  HistoryKind,
  HistoryQuery,
  StoredHistoryEntry,
} from "../core/history.ts";
import { type Cells, selectRows } from "./cells.ts";
import { bound } from "./table.ts";

/** What is older, or beyond so many rows, is removed bit by bit. */
export interface HistoryRetention {
  readonly ageMsMax: number;
  readonly rowsMax: number;
}

export const defaultHistoryRetention: HistoryRetention = {
  ageMsMax: 30 * 24 * 60 * 60 * 1000,
  rowsMax: 100_000,
};

/**
 * Rows that a write removes at most, beyond as many as it appends: a write stays short, however much
 * is overdue, and the table still shrinks with each.
 */
const prunedRowsMax = 200;

const columns: Readonly<Record<string, (of: HistoryEntry) => string | number | undefined>> = {
  at_wall_ms: (entry) => entry.atWallMs,
  kind: (entry) => entry.kind,
  vm_uuid: (entry) => entry.vmUuid,
  management_node_id: (entry) => entry.managementNodeId,
  operation_id: (entry) => entry.operationId,
  cause: (entry) => entry.cause,
  asked_by: (entry) => entry.by,
  detail: (entry) => entry.detail,
};

/** Returns what appends entries and prunes; lives as long as its connection. */
export function historyWriter(
  database: DatabaseSync,
  { ageMsMax, rowsMax }: HistoryRetention,
): (entries: readonly HistoryEntry[], nowWallMs: number) => void {
  const names = Object.keys(columns);
  const places = names.map(() => "?").join(", ");
  const toCells = Object.values(columns);
  const append = database.prepare(`INSERT INTO history (${names.join(", ")}) VALUES (${places})`);
  const pruneBeyond = database.prepare(
    // Ids without gaps are as many as rows, and with gaps there are fewer rows.
    `DELETE FROM history WHERE id IN (SELECT id FROM history
      WHERE id <= (SELECT max(id) FROM history) - ? ORDER BY id LIMIT ?)`,
  );
  const pruneOlder = database.prepare(
    `DELETE FROM history WHERE id IN (SELECT id FROM history
      WHERE at_wall_ms < ? ORDER BY at_wall_ms LIMIT ?)`,
  );
  return (entries, nowWallMs) => {
    for (const entry of entries) append.run(...toCells.map((cell) => bound(cell(entry))));
    const portion = entries.length + prunedRowsMax;
    pruneBeyond.run(rowsMax, portion);
    pruneOlder.run(nowWallMs - ageMsMax, portion);
  };
}

/** Returns what tells the id of the last entry that was ever appended; 0: none. */
export function lastHistoryId(database: DatabaseSync): () => number {
  // Of a table that AUTOINCREMENT keeps: the entry itself may be pruned.
  const last = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'history'");
  return () => Number(last.get()?.["seq"] ?? 0);
}

/** One page, newest first, or oldest first after an id. */
export function readHistory(database: DatabaseSync, query: HistoryQuery): StoredHistoryEntry[] {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const demand = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  demand("vm_uuid = ?", query.vmUuid);
  demand("management_node_id = ?", query.managementNodeId);
  demand("id < ?", query.before);
  demand("id > ?", query.after);
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const order = query.after === undefined ? "DESC" : "ASC";
  const names = ["id", ...Object.keys(columns)];
  const page = { table: "history", names, rest: `${where} ORDER BY id ${order} LIMIT ?` };
  return selectRows(database, page, parseEntry, [...values, query.limit]);
}

function parseEntry(cells: Cells): StoredHistoryEntry {
  const vmUuid = cells.textIfAny("vm_uuid");
  const managementNodeId = cells.textIfAny("management_node_id");
  const operationId = cells.textIfAny("operation_id");
  const cause = cells.textIfAny("cause");
  const detail = cells.textIfAny("detail");
  return {
    id: cells.number("id"),
    atWallMs: cells.number("at_wall_ms"),
    kind: cells.text("kind") as HistoryKind,
    ...(vmUuid !== undefined && { vmUuid }),
    ...(managementNodeId !== undefined && { managementNodeId }),
    ...(operationId !== undefined && { operationId }),
    ...(cause !== undefined && { cause }),
    by: cells.text("asked_by"),
    ...(detail !== undefined && { detail }),
  };
}
