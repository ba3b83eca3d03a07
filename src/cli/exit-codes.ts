/** Exit codes of vmsyncctl; after sysexits(3) where that has one. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** The agent cannot be reached. */
  unavailable: 69,
  noPermission: 77,
  badConfiguration: 78,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
