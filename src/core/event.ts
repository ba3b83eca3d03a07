// Words of the stream of events, beside the kinds of the history.

/** Why entries before the next one are not told; a closed set. */
export const gapReasons = [
  /** They are no longer kept. */
  "too-old",
  /** Who asks has seen events of another store: this one is new or restored. */
  "other-store",
  /** Who asks has seen an event that this store never had: it is an older copy. */
  "unknown-id",
] as const;
export type GapReason = (typeof gapReasons)[number];

/** Why the agent ends a stream of events; a closed set. */
export const cutReasons = [
  /** Who follows does not read. */
  "slow",
  "history-unreadable",
  /** The agent stops. */
  "stopping",
] as const;
export type CutReason = (typeof cutReasons)[number];
