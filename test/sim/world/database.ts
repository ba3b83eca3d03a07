// The database that the management nodes share. Every method is one transaction.

import type { CurrentStores } from "../../../src/client/session/ports.ts";
import type { VmMark } from "../../../src/client/session/judgement.ts";

export type RowState = "Stopped" | "Starting" | "Running" | "Stopping" | "Rebooting" | "Migrating";

export interface VmRow {
  readonly vm: string;
  readonly state: RowState;
  readonly host: string | undefined;
  readonly lastHost: string | undefined;
  /** Somebody wants it to run: HA starts it where it is found stopped. */
  readonly isWanted: boolean;
  /** Of each host the last one. */
  readonly marks: readonly VmMark[];
  /** Rises with every change. */
  readonly version: number;
  /** What it was last judged stopped by; an HA start goes back to it. */
  readonly judgement: string | undefined;
}

export interface Member {
  readonly id: string;
  readonly epoch: number;
  readonly seenAtMs: number;
  readonly isGone: boolean;
}

export class Database implements CurrentStores {
  readonly #rows = new Map<string, VmRow>();
  readonly #stores = new Map<string, string>();
  readonly members = new Map<string, Member>();

  constructor(vms: readonly string[]) {
    for (const vm of vms) {
      this.#rows.set(vm, {
        vm,
        state: "Stopped",
        host: undefined,
        lastHost: undefined,
        isWanted: false,
        marks: [],
        version: 0,
        judgement: undefined,
      });
    }
  }

  row(vm: string): VmRow {
    const row = this.#rows.get(vm);
    if (row === undefined) throw new Error(`cannot find VM ${vm} in the database`);
    return row;
  }

  rows(): readonly VmRow[] {
    return [...this.#rows.values()];
  }

  /**
   * Changes a row if it still is as it was read.
   *
   * @returns the new version; undefined: somebody else was faster
   */
  change(vm: string, version: number, to: Partial<VmRow>): number | undefined {
    const row = this.row(vm);
    if (row.version !== version) return undefined;
    const marks = to.marks === undefined ? row.marks : mergedMarks(row.marks, to.marks);
    this.#rows.set(vm, { ...row, ...to, marks, version: version + 1 });
    return version + 1;
  }

  currentStore(host: string): string | undefined {
    return this.#stores.get(host);
  }

  async read(host: string): Promise<string | undefined> {
    return this.#stores.get(host);
  }

  async replace(host: string, was: string | undefined, is: string): Promise<boolean> {
    if (this.#stores.get(host) !== was) return false;
    this.#stores.set(host, is);
    return true;
  }
}

function mergedMarks(known: readonly VmMark[], more: readonly VmMark[]): VmMark[] {
  const hosts = new Set(more.map(({ hostId }) => hostId));
  return [...known.filter(({ hostId }) => !hosts.has(hostId)), ...more];
}
