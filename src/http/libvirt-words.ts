// libvirt's numbers in words (virDomainState and its reasons, libvirt-domain.h).

const states: readonly string[] = [
  "no state",
  "running",
  "blocked",
  "paused",
  "shutting down",
  "shut off",
  "crashed",
  "suspended by the guest",
];

const reasons: Readonly<Record<number, readonly string[]>> = {
  1: [
    "unknown",
    "booted",
    "migrated",
    "restored",
    "from snapshot",
    "unpaused",
    "migration canceled",
  ],
  3: [
    "unknown",
    "by a user",
    "migration",
    "save",
    "dump",
    "I/O error",
    "watchdog",
    "from snapshot",
    "shutting down",
    "snapshot",
    "crashed",
    "starting up",
    "post-copy",
    "post-copy failed",
  ],
  4: ["unknown", "by a user"],
  5: [
    "unknown",
    "shutdown",
    "destroyed",
    "crashed",
    "migrated",
    "saved",
    "failed",
    "from snapshot",
    "restart of the daemon",
  ],
  6: ["unknown", "panicked"],
};

/** "shut off (destroyed)". A number that is not known here is shown as it is. */
export function libvirtWords(state: number, reason: number): string {
  const word = states[state] ?? `state ${state}`;
  const why = reasons[state]?.[reason];
  return why === undefined || why === "unknown" ? word : `${word} (${why})`;
}
