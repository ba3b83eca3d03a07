// What can go wrong between a client and a libvirtd. A fault applies to the calls that it matches
// until it is disposed of or used up.

import type { Procedure } from "../libvirt/codec/protocol.ts";

export type Fault =
  /** The answer comes late. */
  | { readonly kind: "delay"; readonly ms: number }
  /** The answer never comes; other calls are answered. */
  | { readonly kind: "hang" }
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
  /** Calls after which it is used up; never by default. */
  readonly times?: number;
}

interface ActiveFault {
  readonly fault: Fault;
  readonly procedures: readonly number[] | undefined;
  timesLeft: number;
}

export class Faults {
  readonly #active = new Set<ActiveFault>();

  /** Adds a fault; disposing of the result takes it away. */
  inject(fault: Fault, scope: FaultScope = {}): Disposable {
    const active: ActiveFault = {
      fault,
      procedures: scope.procedures,
      timesLeft: scope.times ?? Number.POSITIVE_INFINITY,
    };
    this.#active.add(active);
    return { [Symbol.dispose]: () => void this.#active.delete(active) };
  }

  /** The fault that the next call of this procedure meets, counted as used. */
  next(procedure: number): Fault | undefined {
    for (const active of this.#active) {
      if (active.procedures !== undefined && !active.procedures.includes(procedure)) continue;
      active.timesLeft -= 1;
      if (active.timesLeft <= 0) this.#active.delete(active);
      return active.fault;
    }
    return undefined;
  }
}
