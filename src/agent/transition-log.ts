// Transitions on their way to people: a line each in the log, and a bounded memory of which refusals
// the history has been told of.

import type { ClaimKey } from "../core/claim.ts";
import type { HistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Log } from "./ports.ts";

/** Transitions of one statement that get a line each. */
const loggedMax = 20;
/** A refusal of the same kind for the same speaker is not kept again for this long. */
const refusalIntervalMs = 60_000;
/** Kinds and speakers remembered. */
const refusalsMax = 1_000;

export class TransitionLog {
  readonly #log: Log;
  readonly #refusedAtMs = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  log(entries: readonly HistoryEntry[]): void {
    // The first list of a node with thousands of claims must not be thousands of lines.
    if (entries.length > loggedMax) {
      const counts = Object.fromEntries(
        [...Map.groupBy(entries, ({ kind }) => kind)].map(([kind, of]) => [kind, of.length]),
      );
      this.#log.info(counts, "many transitions");
      return;
    }
    for (const { kind, atWallMs: _, ...fields } of entries) {
      this.#log.info(fields, kind.replaceAll("-", " "));
    }
  }

  /**
   * Logs a refusal.
   *
   * @param of which operation was refused; undefined: the whole statement
   * @returns what the history is to say of it, if it has not lately
   */
  refused(
    { code, detail }: Refusal,
    by: string,
    now: Instant,
    of?: Omit<ClaimKey, "managementNodeId">,
  ): HistoryEntry | undefined {
    const { vmUuid, operationId } = of ?? {};
    this.#log.warn({ code, detail, by }, "statement refused");
    const key = JSON.stringify([code, by, vmUuid, operationId]);
    const lastMs = this.#refusedAtMs.get(key) ?? Number.NEGATIVE_INFINITY;
    if (now.ms - lastMs < refusalIntervalMs) return undefined;
    if (this.#refusedAtMs.size >= refusalsMax) this.#refusedAtMs.clear();
    this.#refusedAtMs.set(key, now.ms);
    const isOfNode = code === "stale-epoch" || code === "instance-conflict";
    const kind = isOfNode ? "node-refused" : "claim-refused";
    const where = isOfNode || of === undefined ? {} : { vmUuid, operationId };
    return { atWallMs: now.wallMs, kind, ...where, managementNodeId: by, cause: code, by, detail };
  }
}
