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

/** Whether a state says that the VM has a QEMU on this host. */
export function isAliveState(state: VmState): boolean {
  return state !== "Stopped" && state !== "Crashed" && state !== "Unknown";
}

/** Whether a state is a stop. */
export function isStopState(state: VmState | undefined): boolean {
  return state === "Stopped" || state === "Crashed";
}

/** Why a Stopped that the evidence suggested was not said; a closed set. */
export const withholdingReasons = [
  /** A QEMU with this uuid lives, whatever libvirt says. */
  "qemu-process-alive",
  /** libvirt calls the domain active, and no QEMU with this uuid is there. */
  "no-process",
  /** The look at the host was not complete, so absence proves nothing. */
  "observation-incomplete",
  /** The domain moved to another host and no management node has taken note: it runs there. */
  "migrated-away",
  /** Most VMs of the host are gone at once, and nothing told of their ends: not believed yet. */
  "mass-disappearance",
  /** The memory of ended claims does not reach back to the start of the observation. */
  "claim-memory-cut",
  /** The agent may not know of every claim: its store is new. */
  "amnesia",
] as const;
export type WithholdingReason = (typeof withholdingReasons)[number];
