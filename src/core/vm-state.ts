/** States that a report may give a VM; a closed set. */
export const vmStates = [
  "Running",
  "Paused",
  "Starting",
  "ShuttingDown",
  "Stopped",
  "Crashed",
  "Suspended",
  "Unknown",
] as const;
export type VmState = (typeof vmStates)[number];

/** Why a Stopped that the evidence suggested was not said; a closed set. */
export const withholdingReasons = [
  /** A QEMU with this uuid lives, whatever libvirt says. */
  "qemu-process-alive",
  /** libvirt calls the domain active, and no QEMU with this uuid is there. */
  "no-process",
  /** The look at the host was not complete, so absence proves nothing. */
  "observation-incomplete",
  /** The domain moved to another host: it runs there. */
  "migrated-away",
  /** The memory of ended claims does not reach back to the start of the observation. */
  "claim-memory-cut",
  /** The agent may not know of every claim: its store is new. */
  "amnesia",
] as const;
export type WithholdingReason = (typeof withholdingReasons)[number];
