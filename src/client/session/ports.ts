// What a session needs of the world. It has no timer, no clock, no chance and no I/O of its own, so
// that a simulation can run this very code over a made-up network and a made-up time.

import { setTimeout } from "node:timers/promises";
import type { ClaimStatement } from "../../http/schema/claims.ts";
import type { ManagementNode } from "../../http/schema/common.ts";
import type { Report, SyncBody } from "../../http/schema/report.ts";

export interface SessionClock {
  /** Milliseconds on a clock that never steps. */
  nowMs(): number;
  /** Resolves after that time; may reject as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: SessionClock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, { signal }),
};

/** The run of the agent that answered. */
export interface AgentRun {
  readonly storeId: string;
  readonly epoch: number;
}

/** How an operation ended: known (the database shows it), or not known (it may still run). */
export type Outcome = "known" | "unknown";

/** Who asks for a continue; recorded, never a reason to refuse it. */
export interface Caller {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
}

/** Those calls of a VmsyncdClient that a session makes. Each throws ApiError and AgentUnreachableError. */
export interface HostCalls {
  sync(body: SyncBody): Promise<Report>;
  claim(
    vmUuid: string,
    operationId: string,
    body: Omit<ClaimStatement, "vmUuid" | "operationId"> & {
      readonly managementNode: ManagementNode;
    },
  ): Promise<{ readonly skipRevision: number; readonly agent: AgentRun }>;
  continueClaim(
    vmUuid: string,
    operationId: string,
    options: { readonly owner: string; readonly caller: Caller; readonly outcome?: "unknown" },
  ): Promise<{ readonly durable: boolean; readonly agent: AgentRun }>;
  heartbeat(managementNode: ManagementNode): Promise<{ readonly agent: AgentRun }>;
  depart(id: string, epoch: number, caller: string): Promise<{ readonly agent: AgentRun }>;
}

/**
 * The database that the management nodes share, as far as a session needs it: which store each
 * host's agent has now. A store id that was replaced never comes back.
 */
export interface CurrentStores {
  /** The host's current store id; undefined while none was ever heard of. */
  read(hostId: string): Promise<string | undefined>;
  /** Makes `is` the current one if `was` still is, in one transaction; false: it no longer was. */
  replace(hostId: string, was: string | undefined, is: string): Promise<boolean>;
}
