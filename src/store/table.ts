// What turns records into rows and back. A table says which column holds what; the statements follow
// from it.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { RowChanges } from "../core/records.ts";
import { type Cells, selectRows } from "./cells.ts";

/** `undefined` is a cell without a value. */
type Cell = string | number | undefined;
type Columns<T> = Readonly<Record<string, (of: T) => Cell>>;

export interface Table<Row, Key> {
  readonly name: string;
  readonly columns: Columns<Row>;
  /** Those that say which row. */
  readonly keyColumns: Columns<Key>;
  /** Column that keeps the order in which rows were put. */
  readonly orderColumn?: string;
  /** @throws DamagedStore */
  readonly parse: (cells: Cells) => Row;
}

/** All rows, in their order if the table keeps one. */
export function readAll<Row>(database: DatabaseSync, table: Table<Row, never>): Row[] {
  const { name, orderColumn, columns, parse } = table;
  const order = orderColumn === undefined ? "" : `ORDER BY ${orderColumn}`;
  const names = Object.keys(columns);
  return selectRows(database, { table: name, names, rest: order }, parse);
}

/** Writes rows of one table; lives as long as its connection. */
export class TableWriter<Row, Key> {
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #toCells: readonly ((row: Row) => Cell)[];
  readonly #toKeyCells: readonly ((key: Key) => Cell)[];

  constructor(database: DatabaseSync, { name, columns, keyColumns }: Table<Row, Key>) {
    this.#put = database.prepare(insertOrReplace(name, Object.keys(columns)));
    const condition = Object.keys(keyColumns).map((column) => `${column} = ?`);
    this.#remove = database.prepare(`DELETE FROM ${name} WHERE ${condition.join(" AND ")}`);
    this.#toCells = Object.values(columns);
    this.#toKeyCells = Object.values(keyColumns);
  }

  /** Removes first: a row that is both removed and put is there afterwards. */
  apply({ put, remove }: RowChanges<Row, Key>): void {
    for (const key of remove) this.#remove.run(...this.#toKeyCells.map((cell) => bound(cell(key))));
    for (const row of put) this.#put.run(...this.#toCells.map((cell) => bound(cell(row))));
  }
}

/** INSERT that replaces what has the same key. */
export function insertOrReplace(table: string, columns: readonly string[]): string {
  const places = columns.map(() => "?").join(", ");
  return `INSERT OR REPLACE INTO ${table} (${columns.join(", ")}) VALUES (${places})`;
}

/** SQLite has no undefined. */
export function bound(cell: Cell): SQLInputValue {
  return cell ?? null;
}
