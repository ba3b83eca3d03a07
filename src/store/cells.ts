// One row as SQLite gives it back, cell by cell. What is not of its kind is damage: it is better to
// begin anew with amnesia than to go on with a claim that is not what was written.

import { vmUuidPattern } from "../core/vm-uuid.ts";
import type { Instant } from "../core/instant.ts";
import type { Place } from "../core/claim.ts";
import { DamagedStore } from "./errors.ts";

export type Row = Record<string, unknown>;

const vmUuid = new RegExp(vmUuidPattern);

export class Cells {
  readonly #table: string;
  readonly #row: Row;

  constructor(table: string, row: Row) {
    this.#table = table;
    this.#row = row;
  }

  text(column: string): string {
    const cell = this.#row[column];
    return typeof cell === "string" ? cell : this.#refuse(column, "a text");
  }

  number(column: string): number {
    const cell = this.#row[column];
    return typeof cell === "number" && Number.isFinite(cell)
      ? cell
      : this.#refuse(column, "a number");
  }

  has(column: string): boolean {
    return this.#row[column] !== null;
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
    const isInner = cell.length === 36 && vmUuid.test(cell) && cell === cell.toLowerCase();
    return isInner ? cell : this.#refuse("vm_uuid", "a VM uuid");
  }

  /** One of a closed set of words. */
  oneOf<const Word extends string>(column: string, words: readonly Word[]): Word {
    const cell = this.text(column);
    return (
      words.find((word) => word === cell) ?? this.#refuse(column, `one of ${words.join(", ")}`)
    );
  }

  /** The columns NAME_ms and NAME_wall_ms. */
  instant(name: string): Instant {
    return { ms: this.number(`${name}_ms`), wallMs: this.number(`${name}_wall_ms`) };
  }

  /** The columns PREFIXepoch and PREFIXsequence. */
  place(prefix: string): Place {
    return { epoch: this.number(`${prefix}epoch`), sequence: this.number(`${prefix}sequence`) };
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

  #refuse(column: string, expected: string): never {
    const cell = JSON.stringify(this.#row[column])?.slice(0, 80);
    throw new DamagedStore(`${this.#table}.${column} is not ${expected} but ${cell}`);
  }
}
