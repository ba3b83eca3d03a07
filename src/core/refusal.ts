/** Why a statement was not applied; a closed set. */
export const refusalCodes = [
  "stale-epoch",
  "instance-conflict",
  "stale-list",
  "stale-claim",
  "operation-continued",
  "operation-expired",
  "too-many-claims",
  "too-many-management-nodes",
  "ambiguous-owner",
  "reserved-id",
  "not-stored",
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export interface Refusal {
  readonly code: RefusalCode;
  /** A sentence for the caller: "cannot VERB OBJECT: cause". */
  readonly detail: string;
  /** Where the epoch was refused: the one that is in force. */
  readonly currentEpoch?: number;
}
