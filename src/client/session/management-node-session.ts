// What a management node has to do so that the agents' promises hold, done for it: it says what is
// to be claimed, what is over and what it wants to know; the session keeps the order of statements,
// the lists and the repeats.
//
// INVARIANTS:
// - A sequence is taken in the same turn of the event loop in which its statement is made up and
//   sent. Every operation is listed before its first claim takes a sequence. So a list that leaves
//   a claim out is either older than the claim or younger than its end.
// - Each request takes the store id from the database before it is sent. The answer is younger than
//   the question, so a store that differs has replaced the one that was read, never the reverse.

import { ApiError } from "../errors.ts";
import { Continues } from "./continues.ts";
import { SessionError, SupersededError } from "./errors.ts";
import { Host } from "./host.ts";
import { HostReport, type VmMark } from "./judgement.ts";
import { Operation, operationKey, type OperationStatement } from "./operation.ts";
import {
  defaultLimits,
  type Question,
  type RefusedClaim,
  type SessionLimits,
  type SessionOptions,
  type Steps,
  type SyncAnswer,
} from "./options.ts";
import type { AgentRun, Outcome } from "./ports.ts";
import { Speaker } from "./speaker.ts";

/** A sync that was overtaken is said anew, so often at most. */
const syncAttemptsMax = 3;

/** One process of a management node, towards all hosts. Every call rejects once it is over. */
export class ManagementNodeSession {
  readonly #options: SessionOptions;
  readonly #limits: SessionLimits;
  readonly #hosts = new Map<string, { readonly host: Host; readonly continues: Continues }>();
  readonly #forgotten = new Set<string>();
  readonly #operations = new Map<string, Operation>();
  readonly #speaker: Speaker;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#speaker = new Speaker(options, this.#limits, (why) => this.#abandon(why));
  }

  /**
   * Claims an operation on each of its hosts. Begin the operation only after this has resolved, and
   * only after the marks stand in the VM's row. If one host cannot be had, what was claimed is
   * continued.
   *
   * @returns one mark per host
   * @throws SessionError "not-claimed" with the cause, "finished", "operation-in-use"
   */
  async begin(statement: OperationStatement): Promise<readonly VmMark[]> {
    const operation = this.#add(statement);
    const claims = operation.hosts.map((hostId) => this.#claim(operation, hostId));
    try {
      return await Promise.race([Promise.all(claims), operation.givenUp.promise]);
    } catch (error) {
      if (this.#speaker.ended !== undefined) throw this.#speaker.ended;
      if (operation.outcome !== undefined) throw error;
      this.#over(operation, "known");
      const detail = `cannot claim operation ${statement.operationId} on ${statement.vmUuid}: ${(error as Error).message}`;
      throw new SessionError("not-claimed", detail, { cause: error });
    }
  }

  /**
   * Takes over an operation that is in flight, of an earlier session or an earlier process of this
   * management node: the lists name it from now on.
   *
   * @throws SessionError "operation-in-use"
   */
  adopt(statement: OperationStatement): void {
    const { hosts } = this.#add(statement);
    for (const hostId of hosts) this.#host(hostId).listBecameDue();
  }

  /**
   * The operation is over: says so to all its hosts, until each has answered. Call it only after
   * the database shows the outcome, or with "unknown" if the operation may still run; the claims
   * then live on as orphans for their TTL. "unknown" may be followed by "known" until every host
   * has answered; after that, `adopt` the operation first.
   *
   * @returns resolves when every host has answered; nobody has to wait for it
   */
  finish(vmUuid: string, operationId: string, outcome: Outcome): Promise<void> {
    if (this.#speaker.ended !== undefined) return Promise.reject(this.#speaker.ended);
    const operation = this.#operations.get(operationKey(vmUuid, operationId));
    if (operation === undefined) {
      const detail = `cannot finish operation ${operationId} on ${vmUuid}: this session does not have it; adopt it first`;
      return Promise.reject(new SessionError("unknown-operation", detail));
    }
    this.#over(operation, outcome);
    return operation.over.promise;
  }

  /**
   * An operation from claim to continue, in the only right order. If `mark` or `act` rejects, the
   * outcome counts as unknown.
   *
   * @throws what begin, mark and act throw
   */
  async operate(statement: OperationStatement, { mark, act }: Steps): Promise<void> {
    const marks = await this.begin(statement);
    let outcome: Outcome = "unknown";
    try {
      await mark(marks);
      await act();
      outcome = "known";
    } finally {
      this.finish(statement.vmUuid, statement.operationId, outcome).catch(() => {});
    }
  }

  /**
   * Sends the list, renews the lease, and gets a fresh report.
   *
   * @throws the client's errors; SessionError "other-store" if the host's store keeps changing
   */
  async sync(hostId: string, question: Question = {}): Promise<SyncAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#syncOnce(this.#host(hostId), question).catch((error: unknown) => {
        if (attempt < syncAttemptsMax && wasOvertaken(error)) return undefined;
        throw error;
      });
      if (answer !== undefined) return answer;
    }
  }

  /**
   * Renews the lease where no report is wanted; sends the list too if it is due.
   *
   * @returns as `refused` of a sync
   */
  async heartbeat(hostId: string): Promise<readonly RefusedClaim[]> {
    const host = this.#host(hostId);
    this.#speaker.checkAlive();
    if (!host.isListDue) {
      await this.#speaker.call(host, () => host.calls.heartbeat(this.#speaker.introduce(host)));
    }
    return host.isListDue ? (await this.sync(hostId)).refused : [];
  }

  /**
   * Another management node's process is gone. Its claims live on as orphans.
   *
   * @throws SessionError "not-told" with the cause if a host could not be reached
   */
  async departed(hostIds: readonly string[], id: string, epoch: number): Promise<void> {
    const told = hostIds.map((hostId) => {
      const host = this.#host(hostId);
      return this.#speaker.repeat(() => {
        return this.#speaker.call(host, () => host.calls.depart(id, epoch, this.#options.id));
      });
    });
    const failed = (await Promise.allSettled(told)).find((one) => one.status === "rejected");
    if (failed === undefined) return;
    if (this.#speaker.ended !== undefined) throw this.#speaker.ended;
    const detail = `cannot tell every host that ${id} is gone: ${(failed.reason as Error).message}`;
    throw new SessionError("not-told", detail, { cause: failed.reason });
  }

  /**
   * The database shows what a report said of stops: the next sync with its host acknowledges it, and
   * the one after that if it fails. Until an agent hears of it, it repeats the causes, and does not
   * say that a VM stopped that moved away.
   */
  noted({ place: { hostId }, report: { reportId } }: HostReport): void {
    this.#host(hostId).note(reportId);
  }

  /**
   * The host is gone for good: nothing more is said to it, and no operation waits for its answer.
   * Should it come back, a new session has to speak to it: to a list of this one, which no longer
   * names what was claimed there, the claims would be over. Every call that names the host from now
   * on throws SessionError "forgotten-host".
   */
  forgetHost(hostId: string): void {
    this.#forgotten.add(hostId);
    const host = this.#hosts.get(hostId)?.host;
    for (const operation of host?.operations.values() ?? []) {
      if (operation.outcome !== undefined) this.#answered(hostId, operation);
    }
  }

  /** The operations that are in flight or not yet answered, for the session that comes after. */
  operations(): readonly (OperationStatement & { readonly outcome: Outcome | undefined })[] {
    return [...this.#operations.values()].map(({ claim, hosts, outcome }) => {
      return { ...claim, hosts, outcome };
    });
  }

  /** Sends nothing more; what is under way is abandoned and rejects. The claims stay. */
  stop(): void {
    this.#speaker.end(
      new SessionError("stopped", "cannot go on with this session: it was stopped"),
    );
  }

  #add(statement: OperationStatement): Operation {
    this.#speaker.checkAlive();
    const operation = new Operation(statement);
    if (this.#operations.has(operation.key)) {
      const detail = `cannot claim operation ${statement.operationId} on ${statement.vmUuid}: the VM has one of that id already; give each operation an id of its own`;
      throw new SessionError("operation-in-use", detail);
    }
    const hosts = operation.hosts.map((hostId) => this.#host(hostId));
    this.#operations.set(operation.key, operation);
    for (const host of hosts) host.operations.set(operation.key, operation);
    return operation;
  }

  #claim(operation: Operation, hostId: string): Promise<VmMark> {
    const host = this.#host(hostId);
    const { vmUuid, operationId, ...saying } = operation.claim;
    return this.#speaker.repeat(async () => {
      const was = await this.#options.stores.read(hostId);
      if (operation.outcome !== undefined) throw finishedEarly(operation);
      const { skipRevision, agent } = await this.#speaker.call(host, () => {
        const managementNode = this.#speaker.introduce(host);
        return host.calls.claim(vmUuid, operationId, { managementNode, ...saying });
      });
      await this.#settleStore(hostId, was, agent);
      const { storeId, epoch } = agent;
      return { hostId, storeId, agentEpoch: epoch, revision: skipRevision };
    });
  }

  async #syncOnce(host: Host, question: Question): Promise<SyncAnswer> {
    this.#speaker.checkAlive();
    const was = await this.#options.stores.read(host.id);
    // From here to the call nothing may wait: the list and its sequence belong together.
    const isListed = this.#options.lists !== "when-due" || host.isListDue;
    const list = isListed ? host.takeList() : undefined;
    const { acknowledges = host.noted } = question;
    const report = await this.#speaker.call(host, () => {
      const managementNode = this.#speaker.introduce(host);
      const skipList = list === undefined ? {} : { skipList: [...list.entries] };
      const noted = acknowledges === undefined ? {} : { acknowledges };
      return host.calls.sync({ managementNode, ...skipList, ...question, ...noted });
    });
    host.toldOf(acknowledges);
    if (list !== undefined && report.claimsStored !== false) host.heardList(list);
    await this.#settleStore(host.id, was, report.agent);
    // What is over or given up is refused where its continue came first: no news.
    const refused = (report.refused ?? []).filter(({ vmUuid, operationId }) => {
      const operation = this.#operations.get(operationKey(vmUuid, operationId));
      return operation !== undefined && operation.outcome === undefined;
    });
    return { hostReport: new HostReport(host.id, report), refused };
  }

  /** Makes the store that answered the host's current one in the database. */
  async #settleStore(hostId: string, was: string | undefined, { storeId }: AgentRun) {
    const { stores } = this.#options;
    if (was === storeId || (await stores.replace(hostId, was, storeId))) return;
    if ((await stores.read(hostId)) === storeId) return;
    const detail = `cannot use the answer of host ${hostId}: it is of a store that is not the host's current one; ask again`;
    throw new SessionError("other-store", detail);
  }

  #over(operation: Operation, outcome: Outcome): void {
    // Once the outcome is known it stays known.
    if (operation.outcome === "known" || operation.outcome === outcome) return;
    operation.outcome = outcome;
    operation.givenUp.reject(finishedEarly(operation));
    for (const hostId of operation.hosts) operation.unanswered.add(hostId);
    for (const hostId of operation.hosts) {
      if (this.#forgotten.has(hostId)) this.#answered(hostId, operation);
      else this.#record(hostId).continues.add(operation);
    }
  }

  async #sendContinue(host: Host, operation: Operation): Promise<boolean> {
    const { vmUuid, operationId } = operation.claim;
    const { outcome } = operation;
    try {
      const answer = await this.#speaker.call(host, () => {
        const caller = this.#speaker.caller();
        const unknown = outcome === "unknown" ? { outcome } : {};
        return host.calls.continueClaim(vmUuid, operationId, {
          owner: caller.id,
          caller,
          ...unknown,
        });
      });
      // Not durable: after a crash the claim would be active again. A list then ends it, which is
      // right only where the outcome is known.
      if (!answer.durable && outcome === "unknown") return false;
    } catch {
      return false;
    }
    if (operation.outcome === outcome) this.#answered(host.id, operation);
    return true;
  }

  #answered(hostId: string, operation: Operation): void {
    operation.unanswered.delete(hostId);
    if (operation.unanswered.size > 0) return;
    this.#operations.delete(operation.key);
    for (const id of operation.hosts) this.#hosts.get(id)?.host.operations.delete(operation.key);
    operation.over.resolve();
  }

  #host(hostId: string): Host {
    return this.#record(hostId).host;
  }

  #record(hostId: string): { readonly host: Host; readonly continues: Continues } {
    if (this.#forgotten.has(hostId)) {
      const detail = `cannot speak to host ${hostId}: this session was told to forget it; speak to it with a new session, of a higher epoch`;
      throw new SessionError("forgotten-host", detail);
    }
    const known = this.#hosts.get(hostId);
    if (known !== undefined) return known;
    const host = new Host(hostId, this.#options.hosts(hostId));
    const { backOff, continuesAtOnce: atOnce } = this.#limits;
    const continues = new Continues({
      send: (operation) => this.#sendContinue(host, operation),
      sleep: (ms) => this.#speaker.sleep(ms),
      random: this.#options.random,
      backOff,
      atOnce,
      isEnded: () => this.#speaker.ended !== undefined || this.#forgotten.has(hostId),
    });
    const record = { host, continues };
    this.#hosts.set(hostId, record);
    return record;
  }

  #abandon(why: SessionError | SupersededError): void {
    for (const { givenUp, over } of this.#operations.values()) {
      givenUp.reject(why);
      over.reject(why);
    }
    if (why instanceof SupersededError) this.#options.onSuperseded?.(why);
  }
}

function finishedEarly({ claim }: Operation): SessionError {
  const detail = `cannot go on claiming operation ${claim.operationId} on ${claim.vmUuid}: it was finished`;
  return new SessionError("finished", detail);
}

/** A younger list was applied first, or the database moved on to another store. */
function wasOvertaken(error: unknown): boolean {
  return (
    (error instanceof ApiError && error.code === "stale-list") ||
    (error instanceof SessionError && error.code === "other-store")
  );
}
