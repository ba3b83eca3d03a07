// What can go wrong between a client and a libvirtd. A fault applies to the calls that it matches
// until it is disposed of or used up.

import type { Procedure } from "../libvirt/codec/protocol.ts";

export type Fault =
  /** The answer comes late. */
  | { readonly kind: "delay"; readonly ms: number }
  /** The answer never comes; other calls are answered. */
  | { readonly kind: "hang" }
  /** The answer comes when the fault is taken away. */
  | { readonly kind: "hold" }
  /** The connection is closed instead of an answer. */
  | { readonly kind: "drop" }
  /** Bytes that are no frame come instead of the answer. */
  | { readonly kind: "garbage" }
  /** The answer is cut after so many bytes and the connection closed. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The answer arrives one byte at a time. */
  | { readonly kind: "dribble" }
  /** A list or bulk answer names only the first so many domains. */
  | { readonly kind: "partial"; readonly domains: number }
  /** libvirt answers with an error. */
  | { readonly kind: "error"; readonly code: number; readonly message: string };

export interface FaultScope {
  /** Procedures that it applies to; all of them by default. */
  readonly procedures?: readonly Procedure[];
  /** Uuids of domains; then it applies only to calls about one of them, and to no list. */
  readonly domains?: readonly string[];
  /** Calls after which it is used up; never by default. */
  readonly times?: number;
}

interface ActiveFault {
  readonly fault: Fault;
  readonly procedures: readonly number[] | undefined;
  readonly domains: readonly string[] | undefined;
  timesLeft: number;
  readonly over: PromiseWithResolvers<void>;
}

/** A fault that a call has met. */
export interface MetFault {
  readonly fault: Fault;
  /** Resolves when the fault is taken away. */
  readonly over: Promise<void>;
}

export class Faults {
  readonly #active = new Set<ActiveFault>();

  /** Adds a fault; disposing of the result takes it away. */
  inject(fault: Fault, scope: FaultScope = {}): Disposable {
    const active: ActiveFault = {
      fault,
      procedures: scope.procedures,
      domains: scope.domains,
      timesLeft: scope.times ?? Number.POSITIVE_INFINITY,
      over: Promise.withResolvers(),
    };
    this.#active.add(active);
    return {
      [Symbol.dispose]: () => {
        this.#active.delete(active);
        active.over.resolve();
      },
    };
  }

  /**
   * The fault that the next call of this procedure meets, counted as used.
   *
   * @param domain uuid of the one domain that the call is about
   */
  next(procedure: number, domain?: string): MetFault | undefined {
    for (const active of this.#active) {
      if (active.procedures !== undefined && !active.procedures.includes(procedure)) continue;
      if (active.domains !== undefined && !active.domains.includes(domain ?? "")) continue;
      active.timesLeft -= 1;
      if (active.timesLeft <= 0) this.#active.delete(active);
      return { fault: active.fault, over: active.over.promise };
    }
    return undefined;
  }
}
