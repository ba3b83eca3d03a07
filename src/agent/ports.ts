// What the agent needs of the world. Adapters implement these; main.ts brings them together, and a
// simulation brings others.

import type { HistoryQuery, StoredHistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import type { Observation } from "../core/observation.ts";
import type { StoreBatch } from "../core/records.ts";
import type { StopCause } from "../core/stop.ts";
import type { VmUuid } from "../core/vm-uuid.ts";

export interface Clock {
  now(): Instant;
}

export interface HostObserver {
  /** One fresh look at the host that begins now; ends within its limit and never rejects. */
  look(): Promise<Observation>;
}

/** What libvirt told of one domain, as it happened. */
export type DomainNews =
  | {
      readonly kind: "started";
      readonly vmUuid: VmUuid;
      /** It moves here, and waits for its memory: whether it will run here is not known. */
      readonly isIncoming?: boolean;
    }
  /** It was paused, and goes on; a start is followed by it as well. */
  | { readonly kind: "resumed"; readonly vmUuid: VmUuid }
  /** `cause` undefined: one that a newer libvirt knows. */
  | { readonly kind: "stopped"; readonly vmUuid: VmUuid; readonly cause: StopCause | undefined };

/** The connection to libvirt came up, or it is gone and why. */
export type LibvirtNews =
  | { readonly up: true; readonly socket: string }
  | { readonly up: false; readonly code: string; readonly detail: string };

/** How libvirt can be reached, for status. */
export type LibvirtStatus =
  | {
      readonly up: true;
      readonly socket: string;
      readonly since: Instant;
      readonly counts: LibvirtCounts;
    }
  | {
      readonly up: false;
      /** Stable code of the cause. */
      readonly code: string;
      readonly detail: string;
      readonly since: Instant;
      readonly counts: LibvirtCounts;
    };

export interface LibvirtCounts {
  readonly bulkCalls: number;
  readonly domainEvents: number;
  /** Calls that exceeded their limit and that libvirt still works on; two at most. */
  readonly abandonedCalls: number;
  /** Calls that exceeded their limit since the start, answered late or not. */
  readonly abandonedCallsTotal: number;
}

/** Constant message, data in fields; one line per change of state. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Why the store could not write; a closed set. */
export const storeFailureCodes = ["full", "read-only", "failed", "closed"] as const;
export type StoreFailureCode = (typeof storeFailureCodes)[number];

/** The store could not write a batch: nothing of it was applied, as far as is known. */
export class StoreFailure extends Error {
  override readonly name = "StoreFailure";
  readonly code: StoreFailureCode;

  constructor(code: StoreFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Store {
  /**
   * Writes a batch, whole or not at all. Resolves when it survives kill -9 and power loss. The agent
   * has one write under way at a time; it may take as long as the disk does.
   *
   * @returns id of the last entry of the history, which is that of the batch's last one if it has any;
   *   the others of the batch come right before it
   * @throws StoreFailure
   */
  write(batch: StoreBatch): Promise<number>;
  /** One page of the history. Runs beside writes and sees those that were acknowledged. */
  history(query: HistoryQuery): Promise<readonly StoredHistoryEntry[]>;
}

export interface AgentPorts {
  readonly clock: Clock;
  readonly observer: HostObserver;
  readonly libvirt: { status(): LibvirtStatus };
  readonly store: Store;
  readonly log: Log;
  /**
   * Runs a function soon, after the statements that have arrived already: what they decide then
   * shares one write.
   *
   * @param gather several statements waited for the write before: those who made them are about to
   *   speak again, and a wait of a millisecond or two makes one group of two halves
   */
  readonly soon: (run: () => void, gather: boolean) => void;
  /** A random id. */
  readonly newId: () => string;
}
