// The one row about the store as a whole.

import type { DatabaseSync } from "node:sqlite";
import { type Amnesia, amnesiaReasons } from "../core/amnesia.ts";
import type { StoreBatch, StoredState } from "../core/records.ts";
import { type Cells, selectRows } from "./cells.ts";
import { bound, insertOrReplace } from "./table.ts";

/** What a batch says of the store as a whole. */
export type Meta = Pick<StoredState, "run" | "checkpoint" | "amnesia">;

const columns: Readonly<Record<string, (of: Meta) => string | number | undefined>> = {
  id: () => 1,
  store_id: ({ run }) => run.storeId,
  agent_epoch: ({ run }) => run.agentEpoch,
  boot_id: ({ checkpoint }) => checkpoint.bootId,
  checkpoint_ms: ({ checkpoint }) => checkpoint.bootMs,
  checkpoint_wall_ms: ({ checkpoint }) => checkpoint.wallMs,
  amnesia_reason: ({ amnesia }) => amnesia?.reason,
  amnesia_since_ms: ({ amnesia }) => amnesia?.since.ms,
  amnesia_since_wall_ms: ({ amnesia }) => amnesia?.since.wallMs,
  amnesia_ends_at_ms: ({ amnesia }) => amnesia?.endsAtMs,
  // Whoever writes has taken note of a restore: with this row it has its new store id and amnesia.
  is_restored: () => 0,
};

/**
 * Returns what writes the row; lives as long as its connection. It refuses where a later run has
 * written: a lock that was removed by hand keeps no second agent out, and both would write changes of
 * states that know nothing of each other.
 */
export function metaWriter(database: DatabaseSync): (batch: StoreBatch) => void {
  const stored = database.prepare("SELECT agent_epoch FROM meta");
  const put = database.prepare(insertOrReplace("meta", Object.keys(columns)));
  const toCells = Object.values(columns);
  return (batch) => {
    if (Number(stored.get()?.["agent_epoch"] ?? 0) > batch.run.agentEpoch) {
      throw new Error("another agent has written to it since; stop one of the two");
    }
    put.run(...toCells.map((cell) => bound(cell(batch))));
  };
}

/** Marks a copy as one that a restore brought back. */
export function markRestored(database: DatabaseSync): void {
  database.exec("UPDATE meta SET is_restored = 1");
}

/**
 * Undefined: the store was made, and nothing was written yet.
 *
 * @throws DamagedStore
 */
export function readMeta(database: DatabaseSync): (Meta & { isRestored: boolean }) | undefined {
  const [meta] = selectRows(database, { table: "meta", names: Object.keys(columns) }, parseMeta);
  return meta;
}

function parseMeta(cells: Cells): Meta & { isRestored: boolean } {
  return {
    run: { storeId: cells.text("store_id"), agentEpoch: cells.number("agent_epoch") },
    checkpoint: {
      bootId: cells.text("boot_id"),
      bootMs: cells.number("checkpoint_ms"),
      wallMs: cells.number("checkpoint_wall_ms"),
    },
    amnesia: parseAmnesia(cells),
    isRestored: cells.number("is_restored") !== 0,
  };
}

function parseAmnesia(cells: Cells): Amnesia | undefined {
  if (!cells.has("amnesia_reason")) return undefined;
  return {
    reason: cells.oneOf("amnesia_reason", amnesiaReasons),
    since: cells.instant("amnesia_since_ms", "amnesia_since_wall_ms"),
    endsAtMs: cells.number("amnesia_ends_at_ms"),
  };
}
