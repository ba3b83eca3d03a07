// The agent: takes statements and questions, lets the core decide, and keeps what it decided.
// One instance per process; it is the only owner of the skip list.
//
// INVARIANTS:
// - What is due by the clock is applied before anything is decided, read or sent.
// - A statement is answered when it is durable, or with the word that it is not.

import {
  agentId,
  type Claim,
  type ClaimKey,
  type ClaimStatement,
  operatorId,
  unnamedId,
} from "../core/claim.ts";
import { type Decision, decideClaim, decideContact, decideOperatorClaim } from "../core/decide.ts";
import {
  beginAmnesia,
  endAmnesia,
  hasHeardOfLaterRun,
  listsMissing,
  noteListHeard,
} from "../core/decide-amnesia.ts";
import {
  type Caller,
  decideContinue,
  decideContinueVm,
  type OperationContinue,
} from "../core/decide-continue.ts";
import { decideDeparture } from "../core/decide-departure.ts";
import { decideList } from "../core/decide-list.ts";
import type { HistoryQuery, StoredHistoryEntry } from "../core/history.ts";
import type { Instant } from "../core/instant.ts";
import type { ManagementNode } from "../core/management-node.ts";
import type { Policy } from "../core/policy.ts";
import type { RunIdentity } from "../core/records.ts";
import type { Refusal } from "../core/refusal.ts";
import type { FilteredReport } from "../core/report.ts";
import type { SkipListView } from "../core/skip-list.ts";
import type { Stop } from "../core/stop.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type {
  AgentStatus,
  AmnesiaStatus,
  ClaimAnswer,
  ContinueAnswer,
  DepartAnswer,
  Look,
  ManagementNodeStatus,
  NodeAnswer,
  Report,
  SyncOutcome,
} from "./answers.ts";
import { type Applied, Decisions } from "./decisions.ts";
import type { AgentPorts, DomainNews, LibvirtNews } from "./ports.ts";
import { HostWatch, type ReportSender } from "./host-watch.ts";
import { digestOf } from "./list-digest.ts";
import type { Saying } from "./last-reports.ts";
import { type Past, type Run, startRun } from "./start.ts";
import { Watchers } from "./watchers.ts";

export interface AgentIdentity {
  readonly host: { readonly id: string; readonly bootId: string };
  readonly version: string;
}

export class Agent {
  readonly identity: AgentIdentity;
  readonly policy: Policy;
  readonly run: RunIdentity;
  /** Questions that wait for a change, and those who follow the history. */
  readonly watchers: Watchers;
  readonly #ports: AgentPorts;
  readonly #startedAt: Instant;
  readonly #state: SkipListView;
  readonly #decisions: Decisions;
  readonly #watch: HostWatch;
  #isRolledBack = false;

  private constructor(ports: AgentPorts, identity: AgentIdentity, policy: Policy, run: Run) {
    this.#ports = ports;
    this.identity = identity;
    this.policy = policy;
    this.run = run.run;
    this.#state = run.state;
    this.#decisions = new Decisions(ports, run);
    this.#startedAt = ports.clock.now();
    this.#watch = new HostWatch(ports, this.#decisions);
    this.watchers = new Watchers(ports, this.#watch, this.#decisions);
  }

  /** Starts the agent on what earlier runs left; the agent epoch has risen durably when it returns. */
  static async start(
    ports: AgentPorts,
    identity: AgentIdentity,
    policy: Policy,
    past: Past,
  ): Promise<Agent> {
    const start = { bootId: identity.host.bootId, version: identity.version };
    return new Agent(ports, identity, policy, await startRun(ports, policy, start, past));
  }

  /** Does what is due by the clock; to be called several times a second. */
  tick(): void {
    const now = this.#decisions.pass();
    this.#watch.takeIn();
    this.#decisions.journal.tick(now);
    this.watchers.held.tick(now.ms);
  }

  /** Looks at the host if nobody has asked for so long: what the history knows must not depend on it. */
  observeAfter(idleMs: number): void {
    this.#watch.observeAfter(idleMs);
  }

  /** libvirt told of a start or a stop of a VM. Events only speed things up: a look shows all. */
  noteDomain(news: DomainNews): void {
    this.#watch.noteDomain(news);
  }

  /** The connection to libvirt came up, or it is gone. */
  noteLibvirt(news: LibvirtNews): void {
    const { wallMs } = this.#decisions.pass();
    // In the order in which it came.
    this.#watch.takeIn();
    this.watchers.held.heard();
    // What happened while the connection was gone, no event tells.
    if (news.up) void this.observe();
    const base = { atWallMs: wallMs, by: agentId };
    this.#decisions.note(
      news.up
        ? { ...base, kind: "libvirt-up", detail: news.socket }
        : { ...base, kind: "libvirt-down", cause: news.code, detail: news.detail },
    );
  }

  /** A management node has taken note of the stops that a report carried. */
  acknowledge(reportId: string, by: string): void {
    this.#watch.acknowledge(reportId, by);
  }

  /** Waits for what is being written, and writes a last checkpoint. */
  stop(): Promise<void> {
    this.#decisions.pass();
    this.#watch.takeIn();
    return this.#decisions.journal.close();
  }

  now(): Instant {
    return this.#ports.clock.now();
  }

  /** Applies a management node's whole list, if it brings one, and notes that it spoke. */
  async sync(
    from: ManagementNode,
    list: readonly ClaimStatement[] | undefined,
  ): Promise<SyncOutcome | Refusal> {
    const now = this.#decisions.pass();
    if (list === undefined) {
      const applied = this.#decisions.carryOut(decideContact(this.#state, from, now), from.id);
      if ("code" in applied) return applied;
      this.#noteLaterRun(from, now);
      const { durable } = await this.#decisions.storedIfItMatters(applied, from.id);
      return { refused: undefined, claimsStored: durable };
    }
    const whole = { entries: list, digest: digestOf(list) };
    const isStored = (statement: ClaimStatement): boolean =>
      this.#decisions.journal.isStored({ ...statement, managementNodeId: from.id });
    const decision = decideList(this.#state, from, whole, now, isStored);
    const applied = this.#decisions.carryOut(decision, from.id);
    if ("code" in applied) return applied;
    this.#noteLaterRun(from, now);
    this.#decisions.apply(noteListHeard(this.#state, from, this.run, now), from.id);
    const { durable } = await applied.stored;
    return { refused: applied.refused, claimsStored: durable };
  }

  /** Notes that a management node is alive. */
  async heartbeat(from: ManagementNode): Promise<NodeAnswer | Refusal> {
    const now = this.#decisions.pass();
    const applied = this.#decisions.carryOut(decideContact(this.#state, from, now), from.id);
    if ("code" in applied) return applied;
    this.#noteLaterRun(from, now);
    const { durable } = await this.#decisions.storedIfItMatters(applied, from.id);
    return { node: this.#nodeStatus(from.id), durable };
  }

  /** Applies one claim. It counts from now; it is answered when it is durable. */
  async claim(from: ManagementNode, statement: ClaimStatement): Promise<ClaimAnswer | Refusal> {
    const key = { ...statement, managementNodeId: from.id };
    const decision = decideClaim(this.#state, from, statement, this.#decisions.pass());
    return await this.#claimed(key, decision, from.id);
  }

  /** A claim of the operator: an orphan with a TTL from the start. */
  async claimAsOperator(statement: ClaimStatement): Promise<ClaimAnswer | Refusal> {
    const key = { ...statement, managementNodeId: operatorId };
    const decision = decideOperatorClaim(this.#state, statement, this.#decisions.pass());
    return await this.#claimed(key, decision, operatorId);
  }

  /** Ends the claims of one operation, or gives them up. */
  async continueOperation(
    key: Omit<ClaimKey, "managementNodeId">,
    how: OperationContinue,
  ): Promise<ContinueAnswer | Refusal> {
    const decision = decideContinue(this.#state, key, how, this.#decisions.pass());
    const applied = this.#decisions.carryOut(decision, how.caller?.id ?? unnamedId);
    return "code" in applied ? applied : await this.#continued(applied);
  }

  /** Ends the caller's claims on a VM, and with `orphans` those that nobody owns any more. */
  async continueVm(
    vmUuid: VmUuid,
    how: { readonly caller?: Caller | undefined; readonly orphans: boolean },
  ): Promise<ContinueAnswer> {
    const decision = decideContinueVm(this.#state, vmUuid, how, this.#decisions.pass());
    return await this.#continued(
      this.#decisions.apply(decision.changes, how.caller?.id ?? unnamedId),
    );
  }

  /** A management node is gone, as another or the operator says. */
  async depart(id: string, epoch: number, by: string): Promise<DepartAnswer> {
    const { changes } = decideDeparture(this.#state, id, epoch, this.#decisions.pass());
    const { stored } = this.#decisions.apply(changes, by);
    const orphaned = changes.filter(({ kind }) => kind === "orphaned").length;
    const { revision: skipRevision } = this.#state;
    const { durable } = await stored;
    return { departed: changes.length > 0, orphaned, durable, skipRevision };
  }

  /** The operator vouches for that no claim is missing. */
  async endAmnesia(by: string): Promise<{ ended: boolean; durable: boolean }> {
    const changes = endAmnesia(this.#state, "operator", this.#decisions.pass());
    const { durable } = await this.#decisions.apply(changes, by).stored;
    return { ended: changes.length > 0, durable };
  }

  /** All live claims. */
  claims(): { claims: readonly Claim[]; skipRevision: number } {
    this.#decisions.pass();
    return { claims: [...this.#state.all()], skipRevision: this.#state.revision };
  }

  /** What is known of one VM beside the look. */
  knownOf(vmUuid: VmUuid): {
    readonly claims: readonly Claim[];
    readonly stop: Stop | undefined;
    readonly said: readonly Saying[];
  } {
    this.#decisions.pass();
    this.#watch.takeIn();
    const claims = this.#state.claimsOn(vmUuid);
    return { claims, stop: this.#state.stops.get(vmUuid), said: this.#watch.saidOf(vmUuid) };
  }

  /** Those that are configured and those that spoke. */
  managementNodes(): readonly ManagementNodeStatus[] {
    this.#decisions.pass();
    const ids = new Set(this.policy.managementNodes);
    for (const { id } of this.#state.managementNodes()) ids.add(id);
    return [...ids].map((id) => this.#nodeStatus(id));
  }

  history(query: HistoryQuery): Promise<readonly StoredHistoryEntry[]> {
    return this.#ports.store.history(query);
  }

  /** Undefined: none lasts. */
  amnesia(): AmnesiaStatus | undefined {
    this.#decisions.pass();
    const { amnesia } = this.#state;
    return amnesia && { ...amnesia, waitingFor: listsMissing(this.#state) };
  }

  /**
   * A fresh look at the host, shared with whoever else waits for it. It says nothing of claims:
   * `deliver` makes a report of it at the moment of sending.
   */
  observe(): Promise<Look> {
    return this.#watch.observe();
  }

  /**
   * Filters the report on a look and hands it over in the same turn of the event loop: a claim that
   * arrived between the filtering and the sending would be missed (G1).
   *
   * @param send sends the report before it returns; it must not wait for anything
   * @param to who asks, for the history; undefined: nobody who would act on it
   */
  deliver(
    look: Look,
    expect: readonly VmUuid[],
    send: (report: Report) => void,
    to: string | undefined,
  ): void {
    const { judgement, skipRevision } = look;
    // What is due by now is applied before the filter.
    const amnesia = this.amnesia();
    const { run } = this;
    const { observation, complete } = judgement;
    const base = { run, observation, complete, skipRevision, amnesia };
    const sendIt: ReportSender = (reportId, contentRevision, filtered) => {
      send({ ...base, reportId, contentRevision, filtered });
    };
    this.#watch.deliver(look, expect, sendIt, to);
  }

  /**
   * What a report on a look would say if it were sent in this turn, without the VMs that somebody
   * expects. Nothing is sent or noted.
   */
  contentOf(look: Look): { readonly revision: number; readonly filtered: FilteredReport } {
    this.#decisions.pass();
    return this.#watch.contentOf(look);
  }

  /** Revision of the skip list now. */
  get skipRevision(): number {
    return this.#state.revision;
  }

  status(): AgentStatus {
    const now = this.#decisions.pass();
    const { size, orphanCount, revision } = this.#state;
    return {
      startedAt: this.#startedAt,
      run: this.run,
      amnesia: this.amnesia(),
      skipRevision: revision,
      activeClaims: size - orphanCount,
      orphanedClaims: orphanCount,
      staleClaims: this.#staleClaims(now),
      instanceConflicts: this.#decisions.instanceConflicts,
      managementNodes: this.managementNodes(),
      store: this.#decisions.journal.status,
      libvirt: this.#ports.libvirt.status(),
      watchers: this.watchers.status,
      lastObservation: this.#watch.last,
    };
  }

  async #claimed(
    key: ClaimKey,
    decision: Decision | Refusal,
    by: string,
  ): Promise<ClaimAnswer | Refusal> {
    const applied = this.#decisions.carryOut(decision, by, key);
    if ("code" in applied) return applied;
    const claim = this.#state.find(key);
    if (claim === undefined) throw new Error("cannot find the claim that was just made");
    const { revision: skipRevision } = this.#state;
    const stored = await applied.stored;
    if (stored.durable) return { claim, skipRevision };
    this.#decisions.rollBack(claim, applied.changes, by);
    const detail = `cannot store the claim of operation ${key.operationId} on ${key.vmUuid}: ${stored.why}; it does not count, do not act on it`;
    return { code: "not-stored", detail };
  }

  async #continued(applied: Applied): Promise<ContinueAnswer> {
    const ended = applied.changes.flatMap((change) => {
      return change.kind === "ended" ? [change.claim] : [];
    });
    const orphaned = applied.changes.flatMap((change) => {
      return change.kind === "orphaned" ? [change.claim] : [];
    });
    const { revision: skipRevision } = this.#state;
    const { durable } = await applied.stored;
    return { ended, orphaned, durable, skipRevision };
  }

  /** Once per run: a management node that says it for ever must not keep stops from being said. */
  #noteLaterRun(from: ManagementNode, now: Instant): void {
    if (this.#isRolledBack || !hasHeardOfLaterRun(from, this.run)) return;
    this.#isRolledBack = true;
    this.#ports.log.warn({ by: from.id }, "the store is an older copy: claims may be unknown");
    this.#decisions.apply([beginAmnesia(this.#state, "rolled-back-store", now)], from.id);
  }

  #nodeStatus(id: string): ManagementNodeStatus {
    const claims = this.#state.claimsOf(id);
    return {
      id,
      isConfigured: this.policy.managementNodes.includes(id),
      claims: claims.length,
      orphans: claims.filter(({ orphan }) => orphan !== undefined).length,
      known: this.#state.managementNode(id),
    };
  }

  #staleClaims(now: Instant): number {
    const bornBeforeMs = now.ms - this.policy.claimAgeWarningSeconds * 1000;
    let stale = 0;
    for (const { orphan, madeAt } of this.#state.all()) {
      if (orphan === undefined && madeAt.ms < bornBeforeMs) stale += 1;
    }
    return stale;
  }
}
