// What a session is given, what it is asked and what it answers.

import type { Static } from "../../schema.ts";
import type { RefusedEntry, SyncBody } from "../../http/schema/report.ts";
import type { BackOff } from "./back-off.ts";
import type { SupersededError } from "./errors.ts";
import type { HostReport, VmMark } from "./judgement.ts";
import type { CurrentStores, HostCalls, SessionClock } from "./ports.ts";

export interface SessionLimits {
  /** For so long begin and departed repeat what fails; none begins an attempt later. */
  readonly repeatForMs: number;
  readonly backOff: BackOff;
  /** Continues to one host that are under way at once. */
  readonly continuesAtOnce: number;
}

export const defaultLimits: SessionLimits = {
  repeatForMs: 15_000,
  backOff: { firstMs: 200, maxMs: 30_000 },
  continuesAtOnce: 8,
};

export interface SessionOptions {
  readonly id: string;
  /** Higher than any that this id had before: kept durably, and raised before each session. */
  readonly epoch: number;
  /** Random for each process. */
  readonly instance: string;
  /** How long the agents count it as alive; theirs by default. Speak to each host thrice in it. */
  readonly leaseSeconds?: number;
  /** How long its claims outlive it; the agents' by default. */
  readonly orphanTtlSeconds?: number;
  readonly hosts: (hostId: string) => HostCalls;
  readonly stores: CurrentStores;
  readonly clock: SessionClock;
  /** Source of the jitter, in [0, 1). */
  readonly random: () => number;
  readonly limits?: Partial<SessionLimits>;
  /** "every-sync" by default: a lost statement heals at the next one. */
  readonly lists?: "every-sync" | "when-due";
  /** Called once, when the session is over because another process speaks under this id. */
  readonly onSuperseded?: (error: SupersededError) => void;
}

export type Question = Pick<SyncBody, "expect" | "include" | "acknowledges">;
export type RefusedClaim = Static<typeof RefusedEntry>;

export interface SyncAnswer {
  readonly hostReport: HostReport;
  /** Operations in flight of which the host did not take the claim, each with why. */
  readonly refused: readonly RefusedClaim[];
}

/** What `operate` runs; each resolves when it is done. */
export interface Steps {
  /** The transaction that marks the VM as starting and writes the marks into its row. */
  readonly mark: (marks: readonly VmMark[]) => Promise<void>;
  /** The operation, to the end: resolves when the database shows its outcome; rejects if it is not known. */
  readonly act: () => Promise<void>;
}
