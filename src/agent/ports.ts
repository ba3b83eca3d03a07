// What the agent needs of the world. Adapters implement these; main.ts brings them together, and a
// simulation brings others.

import type { Instant } from "../core/instant.ts";
import type { Observation } from "../core/observation.ts";

export interface Clock {
  now(): Instant;
}

export interface HostObserver {
  /** One fresh look at the host that begins now; ends within its limit and never rejects. */
  look(): Promise<Observation>;
}

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
}

/** Constant message, data in fields; one line per change of state. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface AgentPorts {
  readonly clock: Clock;
  readonly observer: HostObserver;
  readonly libvirt: { status(): LibvirtStatus };
  readonly log: Log;
  /** A random id. */
  readonly newId: () => string;
}
