// Decisions on their way into effect: applied to the state, marked for the store, told to the log.
//
// INVARIANT: what is due by the clock is applied before anything is decided, read or sent.

import type { Change } from "../core/change.ts";
import { type Claim, type ClaimKey, claimKey } from "../core/claim.ts";
import type { Decision } from "../core/decide.ts";
import type { HistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import { decidePassing } from "../core/passing-time.ts";
import type { KnownManagementNode } from "../core/management-node.ts";
import type { Refusal } from "../core/refusal.ts";
import type { SkipList } from "../core/skip-list.ts";
import { transitionsOf } from "../core/transitions.ts";
import type { Journal, Stored } from "./journal.ts";
import type { AgentPorts } from "./ports.ts";
import type { Run } from "./start.ts";
import { TransitionLog } from "./transition-log.ts";

/** Refused entries of one list that the log and the history are told of. */
const notedRefusalsMax = 20;

/** A decision that was applied, and its way to the disk. */
export interface Applied extends Decision {
  readonly stored: Promise<Stored>;
}

export class Decisions {
  readonly state: SkipList;
  readonly journal: Journal;
  readonly #clock: AgentPorts["clock"];
  readonly #transitions: TransitionLog;
  /** Claims that could not be stored and were said anew by then, and what lived before each. */
  readonly #takenBack = new WeakMap<Claim, Claim | undefined>();
  /** The last news of a node of which it is not known that it is durable. */
  readonly #news = new Map<string, Promise<Stored>>();
  #instanceConflicts = 0;

  constructor({ clock, log }: Pick<AgentPorts, "clock" | "log">, { state, journal }: Run) {
    this.state = state;
    this.journal = journal;
    this.#clock = clock;
    this.#transitions = new TransitionLog(log);
  }

  /** Statements of second processes under an id that were refused. */
  get instanceConflicts(): number {
    return this.#instanceConflicts;
  }

  /** Applies what is due by now. */
  pass(): Instant {
    const now = this.#clock.now();
    const changes = decidePassing(this.state, now);
    const isDue = now.ms >= this.state.nextDeadlineMs;
    if (changes.length === 1) this.state.apply(changes);
    else this.apply(changes, "agent");
    if (isDue) this.state.findNextDeadline();
    return now;
  }

  /**
   * Applies a decision; a refusal is logged, and kept in the history if it is news.
   *
   * @param of which operation it is about; undefined: none, or many
   */
  carryOut(
    decision: Decision | Refusal,
    by: string,
    of?: Omit<ClaimKey, "managementNodeId">,
  ): Applied | Refusal {
    if ("code" in decision) {
      if (decision.code === "instance-conflict") this.#instanceConflicts += 1;
      this.#noteRefusal(decision, by, of);
      return decision;
    }
    for (const { refusal, ...entry } of decision.refused.slice(0, notedRefusalsMax)) {
      this.#noteRefusal(refusal, by, entry);
    }
    return this.apply(decision.changes, by, decision.refused);
  }

  /** Applies changes at once; `stored` tells when they are durable. */
  apply(changes: readonly Change[], by: string, refused: Decision["refused"] = []): Applied {
    const news = changes.flatMap((change) => {
      return change.kind === "node" && this.#isNews(change.node) ? [change.node.id] : [];
    });
    const entries = transitionsOf(this.state, changes, by, this.#clock.now());
    const ends = this.state.apply(changes);
    this.journal.mark(changes, entries);
    this.#transitions.log(entries);
    const stored = this.journal.commit(ends);
    for (const id of news) void this.#keepNews(id, stored);
    return { changes, refused, stored };
  }

  /** An entry of the history that goes with no change; it is written soon, and nobody waits for it. */
  note(entry: HistoryEntry): void {
    this.journal.mark([], [entry]);
  }

  /**
   * That an alive management node is still alive need not be durable before it is answered: a lease
   * that was lost at a crash is prolonged at the start. That it is back must be, or that it asks for
   * another lease or TTL; and until it is, that is said of every statement.
   */
  async storedIfItMatters({ stored }: Applied, id: string): Promise<Stored> {
    const news = this.#news.get(id);
    if (news === undefined) return { durable: true };
    const outcome = await stored;
    if (outcome.durable && this.#news.get(id) === news) this.#news.delete(id);
    return outcome;
  }

  #noteRefusal(refusal: Refusal, by: string, of?: Omit<ClaimKey, "managementNodeId">): void {
    const entry = this.#transitions.refused(refusal, by, this.#clock.now(), of);
    if (entry !== undefined) this.journal.mark([], [entry]);
  }

  /** News that a write did not take waits for one of the node's later statements. */
  async #keepNews(id: string, stored: Promise<Stored>): Promise<void> {
    this.#news.set(id, stored);
    const { durable } = await stored;
    if (durable && this.#news.get(id) === stored) this.#news.delete(id);
  }

  /** Whether a node is heard anew, is back, or asks for what it did not ask for before. */
  #isNews(node: KnownManagementNode): boolean {
    const was = this.state.managementNode(node.id);
    return (
      was === undefined ||
      was.epoch !== node.epoch ||
      (was.departed !== undefined && node.departed === undefined) ||
      was.leaseSeconds !== node.leaseSeconds ||
      was.orphanTtlSeconds !== node.orphanTtlSeconds
    );
  }

  /** A claim that could not be stored is taken back, unless it has been said anew meanwhile. */
  rollBack(claim: Claim, changes: readonly Change[], by: string): void {
    const now = this.pass();
    let before = versionBefore(claim, changes);
    if (this.state.find(claim) !== claim) {
      this.#takenBack.set(claim, before);
      return;
    }
    while (before !== undefined && this.#takenBack.has(before)) {
      before = this.#takenBack.get(before);
    }
    if (before === undefined) {
      // What was put away for it to live is laid again: what it outlived must not live either.
      const tombstones = changes.flatMap((change): Change[] => {
        if (change.kind !== "tombstone-removed") return [];
        return [{ kind: "tombstone", tombstone: change.tombstone }];
      });
      this.apply([{ kind: "ended", claim, at: now, cause: "not-stored" }, ...tombstones], by);
    } else if (before.orphan === undefined) {
      this.apply([{ kind: "claimed", claim: before, was: claim }], by);
    } else {
      this.apply([{ kind: "orphaned", claim: before }], by);
    }
  }
}

/** What lived before a statement claimed it: as the return of its management node left it. */
function versionBefore(claim: Claim, changes: readonly Change[]): Claim | undefined {
  let before: Claim | undefined;
  for (const change of changes) {
    if (change.kind !== "claimed" && change.kind !== "orphaned") continue;
    if (claimKey(change.claim) !== claimKey(claim)) continue;
    if (change.claim !== claim) before = change.claim;
    else if (change.kind === "claimed") before ??= change.was;
  }
  return before;
}
