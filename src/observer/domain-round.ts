// libvirt's domains one by one, where it does not tell of all at once: one domain that is being
// destroyed blocks every call for all domains, and no call for another one.
//
// INVARIANTS:
// - One round at a time, and in it one call after the other: beside the bulk call that hangs there is
//   room for one more that might (waiting-calls.ts). A call takes a fraction of a millisecond.
// - libvirt is asked for its version first. It answers that without a lock on any domain; if it does
//   not, it hangs as a whole, and calls for domains would only fill its workers.
// - A domain whose QEMU is there and does not react (stopped, or stuck in the kernel), or did not since
//   the bulk call hangs, is not asked for: it may be the one that libvirt waits for, and then the call
//   for it would take the last place. One that is shut off is asked for.

import type { DomainLook } from "../core/observation.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { LibvirtClient } from "../libvirt/client.ts";
import { boundedByCaller } from "../libvirt/client.ts";
import type { DomainRef, DomainState } from "../libvirt/codec/messages.ts";
import { LibvirtError } from "../libvirt/errors.ts";
import type { WaitingCalls } from "./waiting-calls.ts";
import { expired, within } from "./within.ts";

/** A second connection, which no bulk call is made on. */
export interface SingleCallSource {
  client(): Promise<Pick<LibvirtClient, "libraryVersion" | "domainState">>;
}

export interface DomainRound {
  readonly settled: ReadonlyMap<VmUuid, DomainLook>;
  /** In a sentence for the operator: what was settled and what was not. */
  readonly detail: string;
}

export interface RoundLimits {
  /** When it ends at the latest, on the `performance.now()` clock. */
  readonly deadline: number;
  /** Limit on each of its calls. */
  readonly callLimitMs: number;
  /** There is nothing left to do: libvirt has told of all domains meanwhile. */
  readonly isPointless: () => boolean;
}

/** Uuids that a sentence names at most. */
const namedMax = 5;

/** Asks for each domain that is known, but for those whose QEMU does not react; never rejects. */
export class RoundOfDomains {
  readonly #source: SingleCallSource;
  readonly #calls: WaitingCalls;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: SingleCallSource, calls: WaitingCalls) {
    this.#source = source;
    this.#calls = calls;
  }

  /** One round; begins when the one before it has ended, since that one began before. */
  run(
    known: readonly DomainRef[],
    unresponsive: ReadonlySet<VmUuid>,
    limits: RoundLimits,
  ): Promise<DomainRound> {
    const round = this.#last.then(() => this.#run(known, unresponsive, limits));
    this.#last = round;
    return round;
  }

  async #run(
    known: readonly DomainRef[],
    unresponsive: ReadonlySet<VmUuid>,
    limits: RoundLimits,
  ): Promise<DomainRound> {
    const settled = new Map<VmUuid, DomainLook>();
    if (known.length === 0) return { settled, detail: "no domain is known that it could be asked" };
    const suspects = known.filter(({ uuid }) => unresponsive.has(uuid));
    const asked = known.filter(({ uuid }) => !unresponsive.has(uuid));
    const obstacle = await this.#settle(asked, settled, limits).catch(
      (error: unknown) => (error as Error).message,
    );
    const unsettled = asked.filter(({ uuid }) => !settled.has(uuid));
    const parts = [`${countText(settled.size)} settled one by one`];
    if (unsettled.length > 0) parts.push(`not settled: ${namesText(unsettled)}`);
    if (suspects.length > 0) {
      parts.push(`not asked for, as their QEMU did not run: ${namesText(suspects)}`);
    }
    if (obstacle !== undefined) parts.push(obstacle);
    return { settled, detail: parts.join("; ") };
  }

  /** Settles what it can; gives why it ended early. */
  async #settle(
    asked: readonly DomainRef[],
    settled: Map<VmUuid, DomainLook>,
    limits: RoundLimits,
  ): Promise<string | undefined> {
    if (asked.length === 0) return undefined;
    if (!this.#calls.mayCall) return tooMany;
    const client = await within(limits.deadline, this.#source.client());
    if (client === expired) return "libvirt does not answer while connecting a second time";
    const version = await this.#call(limits, () => client.libraryVersion(boundedByCaller));
    if (version === "not made") return this.#calls.mayCall ? "the time was up" : tooMany;
    if (version === expired) return "libvirt does not even tell its version: it hangs as a whole";
    for (const domain of asked) {
      if (limits.isPointless()) return undefined;
      const state = await this.#call(limits, () => stateOf(client, domain));
      if (state === "not made") return this.#calls.mayCall ? "the time was up" : tooMany;
      if (state === expired || state === "refused") continue;
      const { uuid, name } = domain;
      settled.set(uuid, { uuid, name, state: state.state, reason: state.reason });
    }
    return undefined;
  }

  /** One call within its limit; not made where it may not be, or could not have its whole limit. */
  async #call<T>(
    { deadline, callLimitMs }: RoundLimits,
    call: () => Promise<T>,
  ): Promise<T | typeof expired | "not made"> {
    const callDeadline = performance.now() + callLimitMs;
    if (callDeadline > deadline || !this.#calls.mayCall) return "not made";
    const made = this.#calls.make(call);
    const answer = await within(callDeadline, made.answer);
    if (answer !== expired) return answer;
    // What came while this thread was busy is taken before the time is called up.
    const turn = new Promise<typeof expired>((resolve) => setImmediate(resolve, expired));
    const late = await Promise.race([made.answer, turn]);
    if (late === expired) made.abandon();
    return late;
  }
}

const tooMany = "two calls wait in libvirt beyond their limit, and no further one is made";

/** "refused": libvirt answered with an error. That it knows no such domain settles nothing either. */
async function stateOf(
  client: Pick<LibvirtClient, "domainState">,
  domain: DomainRef,
): Promise<DomainState | "refused"> {
  try {
    return await client.domainState(domain, boundedByCaller);
  } catch (error) {
    if (error instanceof LibvirtError) return "refused";
    throw error; // the connection died: so would the other calls on it
  }
}

function countText(count: number): string {
  return count === 1 ? "1 domain was" : `${count} domains were`;
}

function namesText(domains: readonly DomainRef[]): string {
  const names = domains.slice(0, namedMax).map(({ uuid }) => uuid);
  const more = domains.length - names.length;
  return more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
}
