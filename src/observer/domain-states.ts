// libvirt's answer to "which domains, in which state", bounded in time: all of them at once, or if
// that takes too long, as many as can be had one by one.
//
// INVARIANTS:
// - At most one bulk call is in flight. One that exceeds its limit keeps a worker of libvirtd busy,
//   so it is left to end and never repeated beside itself; and since its answer is older than the
//   next question, it answers none but its own.
// - At most two calls wait in libvirt beyond their limit, the bulk call being one of them
//   (waiting-calls.ts).

import type { DomainLook, ObservationProblem } from "../core/observation.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { LibvirtClient } from "../libvirt/client.ts";
import type { DomainEvent, DomainStateRecord } from "../libvirt/codec/messages.ts";
import { LibvirtConnectionError } from "../libvirt/errors.ts";
import { type DomainRound, RoundOfDomains, type SingleCallSource } from "./domain-round.ts";
import { KnownDomains } from "./known-domains.ts";
import { type MadeCall, WaitingCalls } from "./waiting-calls.ts";
import { expired, within } from "./within.ts";

/** Where the connection for the bulk call comes from: LibvirtLink. */
export interface BulkCallSource {
  client(): Promise<Pick<LibvirtClient, "allDomainStates">>;
}

export type DomainStatesLook =
  | { readonly domains: ReadonlyMap<VmUuid, DomainLook> }
  | {
      readonly problem: ObservationProblem;
      /** Domains whose state was told one by one; absent: none. */
      readonly settled?: ReadonlyMap<VmUuid, DomainLook>;
    };

/** Part of the time left that the bulk call is waited for before domains are asked for one by one. */
const bulkShare = 0.5;
/** Part of the limit after which that ends: the rest is for a second look at the processes. */
const roundShare = 0.9;
/** Part of the limit that one call about one domain may take: it has the worst of a round twice. */
const callShare = 0.15;

interface Look {
  readonly limitMs: number;
  /** Moments on the `performance.now()` clock. */
  readonly deadline: number;
  readonly roundDeadline: number;
  readonly unresponsive: Promise<ReadonlySet<VmUuid>>;
}

export class DomainStates {
  readonly #source: BulkCallSource;
  readonly #round: RoundOfDomains;
  readonly #calls = new WaitingCalls();
  readonly #known = new KnownDomains();
  #bulk: Promise<DomainStateRecord[]> | undefined;
  readonly #waiting = new Set<() => void>();
  /** VMs whose QEMU was seen not to react since the bulk call that is in flight was made. */
  readonly #suspects = new Set<VmUuid>();
  #bulkCalls = 0;

  /**
   * @param source the connection on which all domains are asked for at once
   * @param singles a second one, on which they are asked for one by one
   */
  constructor(source: BulkCallSource, singles: SingleCallSource) {
    this.#source = source;
    this.#round = new RoundOfDomains(singles, this.#calls);
  }

  /** Bulk calls made so far. */
  get bulkCalls(): number {
    return this.#bulkCalls;
  }

  /** Calls that exceeded their limit and that libvirt still works on: two at most. */
  get abandonedCalls(): number {
    return this.#calls.abandoned;
  }

  /** Calls that ever exceeded their limit. */
  get abandonedCallsTotal(): number {
    return this.#calls.abandonedTotal;
  }

  /** Is told of every domain event, so that domains can be asked for that are newer than a look. */
  hear(event: DomainEvent): void {
    this.#known.hear(event);
  }

  /**
   * Asks libvirt now; never rejects, and ends within `limitMs`.
   *
   * @param unresponsive VMs whose QEMU is there and does not react; may come late, and then is done without
   */
  async look(
    limitMs: number,
    unresponsive: Promise<ReadonlySet<VmUuid>> = Promise.resolve(new Set()),
  ): Promise<DomainStatesLook> {
    const now = performance.now();
    const roundDeadline = now + limitMs * roundShare;
    const look: Look = { limitMs, deadline: now + limitMs, roundDeadline, unresponsive };
    try {
      const client = await within(look.deadline, this.#source.client());
      if (client === expired) return slow(limitMs, "it does not answer while connecting");
      let round: DomainRound | undefined;
      while (this.#bulk !== undefined) {
        const what = "an earlier bulk call is not answered yet";
        round ??= await this.#oneByOne(look);
        if (this.#bulk === undefined) break; // answered meanwhile: libvirt tells of all again
        if (round.settled.size > 0) return slow(limitMs, what, round);
        if (!(await this.#bulkSettles(look.deadline))) return slow(limitMs, what, round);
      }
      if (!this.#calls.mayCall) return slow(limitMs, "earlier calls are not answered yet", round);
      return await this.#bulkOrOneByOne(client, look, round);
    } catch (error) {
      const code =
        error instanceof LibvirtConnectionError ? "libvirt-unreachable" : "libvirt-error";
      return { problem: { code, detail: (error as Error).message } };
    }
  }

  async #bulkOrOneByOne(
    client: Pick<LibvirtClient, "allDomainStates">,
    look: Look,
    before: DomainRound | undefined,
  ): Promise<DomainStatesLook> {
    const bulk = this.#callBulk(client);
    const now = performance.now();
    const soon = await within(now + (look.deadline - now) * bulkShare, bulk.answer);
    if (soon !== expired) return byUuid(soon);
    bulk.abandon();
    const round = before ?? (await this.#oneByOne(look));
    // A whole answer is worth the wait: where libvirt is merely slow, it is all that tells of stops.
    const deadline = round.settled.size > 0 ? look.roundDeadline : look.deadline;
    const late = await within(deadline, bulk.answer);
    if (late !== expired) return byUuid(late);
    return slow(look.limitMs, "the bulk call is not answered", round);
  }

  async #oneByOne({ limitMs, roundDeadline, unresponsive }: Look): Promise<DomainRound> {
    const callLimitMs = limitMs * callShare;
    const seen = await within(performance.now() + callLimitMs, unresponsive);
    // libvirt waits for the domain still when its QEMU has been killed at last, and is not seen.
    if (seen !== expired) for (const uuid of seen) this.#suspects.add(uuid);
    const limits = {
      deadline: roundDeadline,
      callLimitMs,
      isPointless: () => this.#bulk === undefined,
    };
    const round = this.#round.run(this.#known.all, new Set(this.#suspects), limits);
    const ended = await within(roundDeadline, round);
    return ended === expired ? { settled: new Map(), detail: "the time was up" } : ended;
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

  #callBulk(client: Pick<LibvirtClient, "allDomainStates">): MadeCall<DomainStateRecord[]> {
    this.#bulkCalls += 1;
    const asked = this.#known.events;
    const bulk = this.#calls.make(() => client.allDomainStates());
    this.#bulk = bulk.answer;
    const clear = (): void => {
      this.#bulk = undefined;
      this.#suspects.clear();
      for (const wake of this.#waiting) wake();
    };
    bulk.answer.then((records) => {
      // However late: to know whom to ask for, an old answer is better than none.
      this.#known.replace(records, asked);
      clear();
    }, clear);
    return bulk;
  }
}

function slow(limitMs: number, what: string, round?: DomainRound): DomainStatesLook {
  const how = round === undefined ? "" : `; ${round.detail}`;
  const detail = `cannot read libvirt's domains within ${limitMs} ms: ${what}${how}`;
  const problem = { code: "libvirt-slow", detail } as const;
  return round === undefined || round.settled.size === 0
    ? { problem }
    : { problem, settled: round.settled };
}

function byUuid(records: readonly DomainStateRecord[]): DomainStatesLook {
  const domains = new Map<VmUuid, DomainLook>();
  for (const record of records) domains.set(record.uuid, record);
  if (domains.size === records.length) return { domains };
  const detail = "cannot believe libvirt's answer: it names one uuid twice";
  return { problem: { code: "libvirt-contradiction", detail } };
}
