// The books of those who talk to the agent: what was acknowledged, and so what every answer must
// show and must not show. This is the checker; it knows nothing of how the agent works.

import type { Claim } from "../../src/client/client.ts";
import type { Span } from "../host/boot-time.ts";
import {
  certainState,
  dayMs,
  mayHaveExpired,
  mustBeOver,
  mustLive,
  type Standing,
  type Tracked,
  trackedKey,
} from "./standing.ts";

/** "continued": acknowledged, so that it leaves a tombstone; "ended": by what had no answer, or a list. */
type Ending = "continued" | "ended" | "expired" | "never stored";

interface Over {
  readonly claim: Tracked;
  readonly ending: Ending;
  /** How many ended before it. */
  readonly place: number;
}

/** What had to be true when a read was sent; it is held against the answer together with what is then. */
export interface BegunRead {
  readonly sent: Span;
  readonly acknowledged: ReadonlyMap<string, "active" | "orphaned" | undefined>;
  /** How many claims had ended when the read was sent. */
  readonly endings: number;
}

export interface Reboot {
  /** When the last checkpoint of the boot before was made. */
  readonly checkpoint: Span;
  /** When the agent read it in the new boot. */
  readonly start: Span;
  /** By how much the wall clock was set forward in between. */
  readonly wallStepMs: number;
}

/** Both clocks that the wall time since a checkpoint is read from show whole milliseconds. */
const wallResolutionMs = 2;
/** An orphan's day also passes while the agent runs: more than the longest of these tests takes. */
const dayMarginMs = 7_200_000;
/** A step of the wall clock across a boot that ages tombstones: hundreds of shorter ones are no day. */
const longStepMs = 60_000;

export class Ledger {
  readonly violations: string[] = [];
  readonly #live = new Map<string, Tracked>();
  readonly #over = new Map<string, Over>();
  #continued: Tracked[] = [];
  #endings = 0;
  expired = 0;
  /** By how much an orphan was seen after the last moment at which it had to end. */
  latestEndMs = 0;

  /** A claim that is about to be stated for the first time. */
  track(claim: Omit<Tracked, "isAcknowledged" | "isEndAsked" | "isBusy" | "downMs">): Tracked {
    const nothingKnown = { isAcknowledged: false, isEndAsked: false, isBusy: false, downMs: 0 };
    const tracked = { ...claim, ...nothingKnown };
    this.#live.set(trackedKey(tracked), tracked);
    return tracked;
  }

  claimsOf(managementNode: string): Tracked[] {
    return [...this.#live.values()].filter((claim) => claim.managementNode === managementNode);
  }

  isLive(claim: Tracked): boolean {
    return this.#live.get(trackedKey(claim)) === claim;
  }

  /** Claims that are orphans for sure, and end by themselves within seconds. */
  get endingClaims(): number {
    return [...this.#live.values()].filter((claim) => certainState(claim) === "orphaned").length;
  }

  /** Some claim whose continue was acknowledged. */
  anyContinued(pick: (count: number) => number): Tracked | undefined {
    return this.#continued[pick(this.#continued.length)];
  }

  /** Its continue was acknowledged. */
  continued(claim: Tracked): void {
    this.#end(claim, "continued");
    this.#continued.push(claim);
  }

  /** A list that leaves it out was acknowledged. */
  leftOut(claim: Tracked): void {
    this.#end(claim, "ended");
  }

  violated(what: string): void {
    this.violations.push(what);
  }

  beginRead(sent: Span): BegunRead {
    const acknowledged = new Map<string, "active" | "orphaned" | undefined>();
    for (const [key, claim] of this.#live) {
      if (mustLive(claim, sent.latestMs)) acknowledged.set(key, certainState(claim));
    }
    return { sent, acknowledged, endings: this.#endings };
  }

  endRead(begun: BegunRead, shown: readonly Claim[], answered: Span): void {
    const seen = new Map(shown.map((claim) => [trackedKey(claim), claim]));
    for (const [key, claim] of this.#live) {
      const found = seen.get(key);
      if (found === undefined) this.#notSeen(key, claim, begun, answered);
      else this.#seen(key, claim, found, begun);
    }
    for (const key of seen.keys()) {
      const over = this.#over.get(key);
      if (over !== undefined && over.place < begun.endings) {
        this.violated(`${key} is shown, and it was ${over.ending} before the question`);
      } else if (over === undefined && !this.#live.has(key)) {
        this.violated(`${key} is shown, and nobody claimed it`);
      }
    }
  }

  /** The agent died at this time: what it has not answered until then it did before, or never. */
  died(at: Span): void {
    for (const { possible, ttlMs } of this.#live.values()) {
      for (const standing of possible) {
        if (standing === "active" || ttlMs === undefined) continue;
        standing.latestMs = Math.min(standing.latestMs, at.latestMs + ttlMs);
      }
    }
  }

  /** A start shows what is durable: what was not known before is known now. */
  settle(shown: readonly Claim[], answered: Span): void {
    const seen = new Map(shown.map((claim) => [trackedKey(claim), claim]));
    for (const [key, claim] of this.#live) {
      const found = seen.get(key);
      if (found === undefined) {
        const isExpired = mayHaveExpired(claim, answered.latestMs);
        this.#end(claim, isExpired ? "expired" : claim.isEndAsked ? "ended" : "never stored");
        continue;
      }
      claim.isAcknowledged = true;
      claim.isEndAsked = false;
      claim.isBusy = false;
      if (claim.ttlMs === undefined) continue;
      const isActive = found.state === "active";
      claim.possible = claim.possible.filter((standing) => (standing === "active") === isActive);
      // The agent shows a standing that was not possible: `endRead` has said so.
      if (claim.possible.length === 0) claim.possible = ["active"];
    }
  }

  /**
   * The host was started anew: an orphan has what was left at the last checkpoint less the wall time
   * since, a backward step counting as none. So E - C is left at the start S, less
   * max(0, S - C + step), and it ends at E + min(S - C, -step).
   */
  rebooted({ checkpoint, start, wallStepMs }: Reboot): void {
    const downMs = {
      least: start.earliestMs - checkpoint.latestMs,
      most: start.latestMs - checkpoint.earliestMs,
    };
    const moved = (standing: Standing): Standing => {
      if (standing === "active") return standing;
      return {
        earliestMs: standing.earliestMs + Math.min(downMs.least, -wallStepMs) - wallResolutionMs,
        latestMs: standing.latestMs + Math.min(downMs.most, -wallStepMs) + wallResolutionMs,
      };
    };
    for (const claim of this.#live.values()) {
      claim.possible = claim.possible.map(moved);
      claim.downMs += Math.max(0, downMs.most + wallStepMs);
      // Had it been orphaned meanwhile, its day is over, rightly: the start shows whether it was.
      const mayBeOver = claim.ttlMs === undefined && claim.downMs > dayMs - dayMarginMs;
      if (mayBeOver) claim.isAcknowledged = false;
    }
    this.#reviveExpired(checkpoint, moved);
    // By the wall clock tombstones may be a day old now, and are put away.
    if (wallStepMs > longStepMs) this.#continued = [];
  }

  /** What expired after the last checkpoint had something left there, and may have it again. */
  #reviveExpired(checkpoint: Span, moved: (standing: Standing) => Standing): void {
    for (const [key, { claim, ending }] of this.#over) {
      if (ending !== "expired" || mustBeOver(claim, checkpoint.earliestMs)) continue;
      this.#over.delete(key);
      this.expired -= 1;
      claim.isAcknowledged = false;
      claim.possible = claim.possible.map(moved);
      this.#live.set(key, claim);
    }
  }

  #notSeen(key: string, claim: Tracked, begun: BegunRead, answered: Span): void {
    if (begun.acknowledged.has(key) && mustLive(claim, answered.latestMs)) {
      const until = claim.possible.map((standing) => {
        return standing === "active"
          ? "active"
          : `at least ${(standing.earliestMs - answered.latestMs).toFixed(1)} ms left`;
      });
      this.violated(`${key} was acknowledged (${until.join(" or ")}) and is missing`);
      this.#end(claim, "never stored");
      return;
    }
    if (mayHaveExpired(claim, answered.latestMs) && claim.isAcknowledged && !claim.isEndAsked) {
      this.#end(claim, "expired");
    }
  }

  #seen(key: string, claim: Tracked, found: Claim, begun: BegunRead): void {
    const ends = claim.possible.map((standing) => {
      return standing === "active" ? Number.POSITIVE_INFINITY : standing.latestMs;
    });
    this.latestEndMs = Math.max(this.latestEndMs, begun.sent.earliestMs - Math.max(...ends));
    if (mustBeOver(claim, begun.sent.earliestMs)) {
      const lateMs = begun.sent.earliestMs - Math.max(...ends);
      this.violated(`${key} is an orphan still, ${lateMs.toFixed(1)} ms after its TTL`);
    }
    const before = begun.acknowledged.get(key);
    if (before !== undefined && before === certainState(claim) && found.state !== before) {
      this.violated(`${key} is shown as ${found.state}, and it was acknowledged as ${before}`);
    }
  }

  #end(claim: Tracked, ending: Ending): void {
    const key = trackedKey(claim);
    if (!this.#live.delete(key)) return;
    if (ending === "expired") this.expired += 1;
    this.#over.set(key, { claim, ending, place: this.#endings });
    this.#endings += 1;
  }
}
