/** What the operator decides about claims and management nodes. */
export interface Policy {
  /** Lease of a management node that names none. */
  readonly leaseSeconds: number;
  /** Longest lease that may be asked for. */
  readonly leaseSecondsMax: number;
  /** TTL of an orphan where neither its claim nor its management node names one. */
  readonly orphanTtlSeconds: number;
  /** Age beyond which an active claim is shown as stale. */
  readonly claimAgeWarningSeconds: number;
  /** Ids of the management nodes that are expected to speak. */
  readonly managementNodes: readonly string[];
}
