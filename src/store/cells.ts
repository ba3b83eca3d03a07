// One row as SQLite gives it back, cell by cell. What is not of its kind is damage: it is better to
// begin anew with amnesia than to go on with a claim that is not what was written.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Instant } from "../core/instant.ts";
import type { Place } from "../core/claim.ts";
import { DamagedStore } from "./errors.ts";

/** SELECT names FROM table rest */
interface Selection {
  readonly table: string;
  readonly names: readonly string[];
  readonly rest?: string;
}

/**
 * Reads rows and parses each.
 *
 * They come as arrays: SQLite's own objects take five times as long, and at a start the agent serves
 * nobody before they are read.
 */
export function selectRows<T>(
  database: DatabaseSync,
  { table, names, rest = "" }: Selection,
  parse: (cells: Cells) => T,
  values: readonly SQLInputValue[] = [],
): T[] {
  const statement = database.prepare(`SELECT ${names.join(", ")} FROM ${table} ${rest}`);
  statement.setReturnArrays(true);
  // All at once: one at a time takes twice as long.
  const rows = statement.all(...values) as unknown as (readonly unknown[])[];
  const columns = new Columns(table, names);
  return rows.map((row) => parse(new Cells(columns, row)));
}

/** Those that were asked for. */
class Columns {
  readonly table: string;
  readonly #places: ReadonlyMap<string, number>;

  constructor(table: string, names: readonly string[]) {
    this.table = table;
    this.#places = new Map(names.map((name, place) => [name, place]));
  }

  /** @throws if it was not asked for: a mistake in the program */
  placeOf(column: string): number {
    const place = this.#places.get(column);
    if (place === undefined) throw new Error(`cannot read ${this.table}.${column}: no such column`);
    return place;
  }
}

/** The inner form alone: dashed, lower case. */
const innerVmUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export class Cells {
  readonly #columns: Columns;
  readonly #row: readonly unknown[];

  /** @param row in the order of the columns */
  constructor(columns: Columns, row: readonly unknown[]) {
    this.#columns = columns;
    this.#row = row;
  }

  text(column: string): string {
    const cell = this.#cell(column);
    return typeof cell === "string" ? cell : this.#refuse(column, "a text");
  }

  number(column: string): number {
    const cell = this.#cell(column);
    return typeof cell === "number" && Number.isFinite(cell)
      ? cell
      : this.#refuse(column, "a number");
  }

  has(column: string): boolean {
    return this.#cell(column) !== null;
  }

  textIfAny(column: string): string | undefined {
    return this.has(column) ? this.text(column) : undefined;
  }

  numberIfAny(column: string): number | undefined {
    return this.has(column) ? this.number(column) : undefined;
  }

  /** A VM uuid in its inner form. */
  vmUuid(): string {
    const cell = this.text("vm_uuid");
    return innerVmUuid.test(cell) ? cell : this.#refuse("vm_uuid", "a VM uuid");
  }

  /** One of a closed set of words. */
  oneOf<const Word extends string>(column: string, words: readonly Word[]): Word {
    const cell = this.text(column);
    return (
      words.find((word) => word === cell) ?? this.#refuse(column, `one of ${words.join(", ")}`)
    );
  }

  instant(msColumn: string, wallMsColumn: string): Instant {
    return { ms: this.number(msColumn), wallMs: this.number(wallMsColumn) };
  }

  place(epochColumn: string, sequenceColumn: string): Place {
    return { epoch: this.number(epochColumn), sequence: this.number(sequenceColumn) };
  }

  /** What a column holds as JSON. */
  json(column: string): unknown {
    try {
      return JSON.parse(this.text(column));
    } catch (error) {
      if (error instanceof DamagedStore) throw error;
      return this.#refuse(column, "JSON");
    }
  }

  refuse(column: string, expected: string): never {
    return this.#refuse(column, expected);
  }

  #cell(column: string): unknown {
    return this.#row[this.#columns.placeOf(column)];
  }

  #refuse(column: string, expected: string): never {
    const cell = JSON.stringify(this.#cell(column))?.slice(0, 80);
    throw new DamagedStore(`${this.#columns.table}.${column} is not ${expected} but ${cell}`);
  }
}
