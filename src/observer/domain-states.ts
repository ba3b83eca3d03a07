// libvirt's answer to "which domains, in which state", bounded in time.
//
// INVARIANT: at most one bulk call is in flight. One that exceeds its limit keeps a worker of
// libvirtd busy, so it is left to end and never repeated beside itself; and since its answer is
// older than the next question, it answers none.

import type { DomainLook, ObservationProblem } from "../core/observation.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { LibvirtClient } from "../libvirt/client.ts";
import type { DomainStateRecord } from "../libvirt/codec/messages.ts";
import { LibvirtConnectionError } from "../libvirt/errors.ts";
import { expired, within } from "./within.ts";

/** Where the connection comes from: LibvirtLink. */
export interface ClientSource {
  client(): Promise<Pick<LibvirtClient, "allDomainStates">>;
}

export type DomainStatesLook =
  | { readonly domains: ReadonlyMap<VmUuid, DomainLook> }
  | { readonly problem: ObservationProblem };

export class DomainStates {
  readonly #source: ClientSource;
  #bulk: Promise<DomainStateRecord[]> | undefined;
  readonly #waiting = new Set<() => void>();
  #bulkCalls = 0;

  constructor(source: ClientSource) {
    this.#source = source;
  }

  /** Bulk calls made so far. */
  get bulkCalls(): number {
    return this.#bulkCalls;
  }

  /** Asks libvirt now; never rejects, and ends within `limitMs`. */
  async look(limitMs: number): Promise<DomainStatesLook> {
    const deadline = performance.now() + limitMs;
    try {
      const client = await within(deadline, this.#source.client());
      if (client === expired) return slow(limitMs, "it does not answer while connecting");
      while (this.#bulk !== undefined) {
        if (!(await this.#bulkSettles(deadline))) {
          return slow(limitMs, "an earlier bulk call is not answered yet");
        }
      }
      const records = await within(deadline, this.#callBulk(client));
      if (records === expired) return slow(limitMs, "the bulk call is not answered");
      return byUuid(records);
    } catch (error) {
      const code =
        error instanceof LibvirtConnectionError ? "libvirt-unreachable" : "libvirt-error";
      return { problem: { code, detail: (error as Error).message } };
    }
  }

  /**
   * Waits for the bulk call that is in flight; false if the deadline came first. Not on its promise
   * itself: a call may hang for days, and would remember everyone who ever waited for it.
   */
  async #bulkSettles(deadline: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    try {
      return (await within(deadline, promise)) !== expired;
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  #callBulk(client: Pick<LibvirtClient, "allDomainStates">): Promise<DomainStateRecord[]> {
    this.#bulkCalls += 1;
    const bulk = client.allDomainStates();
    this.#bulk = bulk;
    const clear = (): void => {
      this.#bulk = undefined;
      for (const wake of this.#waiting) wake();
    };
    bulk.then(clear, clear);
    return bulk;
  }
}

function slow(limitMs: number, what: string): DomainStatesLook {
  const detail = `cannot read libvirt's domains within ${limitMs} ms: ${what}`;
  return { problem: { code: "libvirt-slow", detail } };
}

function byUuid(records: readonly DomainStateRecord[]): DomainStatesLook {
  const domains = new Map<VmUuid, DomainLook>();
  for (const record of records) domains.set(record.uuid, record);
  if (domains.size === records.length) return { domains };
  const detail = "cannot believe libvirt's answer: it names one uuid twice";
  return { problem: { code: "libvirt-contradiction", detail } };
}
