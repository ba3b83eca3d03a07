// The agent: takes statements and questions, lets the core decide, and keeps what it decided.
// One instance per process; it is the only owner of the skip list.

import {
  type Decision,
  decideClaim,
  decideContinue,
  decideContact,
  decideList,
} from "../core/decide.ts";
import type { Instant } from "../core/instant.ts";
import { type Judgement, judge } from "../core/judgement.ts";
import { isComplete, type Observation } from "../core/observation.ts";
import type { Refusal } from "../core/refusal.ts";
import {
  type FilteredReport,
  filterReport,
  trackWithheld,
  type WithheldSince,
} from "../core/report.ts";
import {
  type Change,
  type Claim,
  type ClaimKey,
  type ClaimStatement,
  type KnownManagementNode,
  type ManagementNode,
  SkipList,
} from "../core/skip-list.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import { NextObservation } from "./next-observation.ts";
import type { AgentPorts, LibvirtStatus } from "./ports.ts";

export interface AgentIdentity {
  readonly host: { readonly id: string; readonly bootId: string };
  readonly version: string;
  /** Ids of the management nodes that are expected to speak. */
  readonly managementNodes: readonly string[];
}

/** An observation judged, with what belongs to the moment at which it began. */
export interface Look {
  readonly judgement: Judgement;
  /** Skip revision at the start of the observation. */
  readonly skipRevision: number;
  readonly withheldSince: WithheldSince;
}

export interface Report {
  readonly reportId: string;
  readonly observation: Observation;
  readonly complete: boolean;
  readonly skipRevision: number;
  readonly filtered: FilteredReport;
}

export interface ClaimAnswer {
  readonly claim: Claim;
  readonly skipRevision: number;
}

export interface ContinueAnswer {
  readonly ended: readonly Claim[];
  readonly skipRevision: number;
}

export interface ManagementNodeStatus {
  readonly id: string;
  readonly isConfigured: boolean;
  readonly claims: number;
  /** Undefined while it was never heard. */
  readonly known: KnownManagementNode | undefined;
}

export interface AgentStatus {
  readonly startedAt: Instant;
  readonly skipRevision: number;
  readonly activeClaims: number;
  readonly managementNodes: readonly ManagementNodeStatus[];
  readonly libvirt: LibvirtStatus;
  /** Undefined before the first observation. */
  readonly lastObservation: Observation | undefined;
}

/** Claims made and ended by one statement that get a line each in the log. */
const loggedChangesMax = 20;

export class Agent {
  readonly identity: AgentIdentity;
  readonly #ports: AgentPorts;
  readonly #startedAt: Instant;
  readonly #skipList = new SkipList();
  readonly #observations: NextObservation<Look>;
  #withheldSince: WithheldSince = new Map();
  #last: Observation | undefined;

  constructor(ports: AgentPorts, identity: AgentIdentity) {
    this.#ports = ports;
    this.identity = identity;
    this.#startedAt = ports.clock.now();
    this.#observations = new NextObservation(() => this.#look());
  }

  /** Notes that a management node spoke, where it said nothing else. */
  contact(from: ManagementNode): Decision | Refusal {
    return this.#carryOut(decideContact(this.#skipList, from, this.#ports.clock.now()));
  }

  /** Applies a management node's whole list. */
  applyList(from: ManagementNode, list: readonly ClaimStatement[]): Decision | Refusal {
    const decision = decideList(this.#skipList, from, list, this.#ports.clock.now());
    return this.#carryOut(decision);
  }

  /** Applies one claim. It counts from now. */
  claim(from: ManagementNode, statement: ClaimStatement): ClaimAnswer | Refusal {
    const decision = decideClaim(this.#skipList, from, statement, this.#ports.clock.now());
    const outcome = this.#carryOut(decision);
    if ("code" in outcome) return outcome;
    const claim = this.#skipList.find({ ...statement, managementNodeId: from.id });
    if (claim === undefined) throw new Error("cannot find the claim that was just made");
    return { claim, skipRevision: this.#skipList.revision };
  }

  /** Ends a claim; for one that is not there nothing changes. */
  continueClaim(
    key: Omit<ClaimKey, "managementNodeId">,
    owner: string | undefined,
  ): ContinueAnswer | Refusal {
    const decision = decideContinue(this.#skipList, key, owner, this.#ports.clock.now());
    const outcome = this.#carryOut(decision);
    if ("code" in outcome) return outcome;
    const ended = outcome.changes.flatMap((change) => {
      return change.kind === "ended" ? [change.claim] : [];
    });
    return { ended, skipRevision: this.#skipList.revision };
  }

  /** All live claims. */
  claims(): { claims: readonly Claim[]; skipRevision: number } {
    return { claims: this.#skipList.all(), skipRevision: this.#skipList.revision };
  }

  /**
   * A fresh look at the host, shared with whoever else waits for it. It says nothing of claims:
   * `deliver` makes a report of it at the moment of sending.
   */
  observe(): Promise<Look> {
    return this.#observations.request();
  }

  /**
   * Filters the report on a look and hands it over in the same turn of the event loop: a claim that
   * arrived between the filtering and the sending would be missed (G1).
   *
   * @param send sends the report before it returns; it must not wait for anything
   */
  deliver(look: Look, expect: readonly VmUuid[], send: (report: Report) => void): void {
    const { judgement, skipRevision, withheldSince } = look;
    send({
      reportId: this.#ports.newId(),
      observation: judgement.observation,
      complete: judgement.complete,
      skipRevision,
      filtered: filterReport(judgement, this.#skipList, expect, withheldSince),
    });
  }

  status(): AgentStatus {
    return {
      startedAt: this.#startedAt,
      skipRevision: this.#skipList.revision,
      activeClaims: this.#skipList.size,
      managementNodes: this.#managementNodes(),
      libvirt: this.#ports.libvirt.status(),
      lastObservation: this.#last,
    };
  }

  async #look(): Promise<Look> {
    // The report on the last look may still be on its way to its sender, so what its window needs
    // is kept; what only older ones needed is not.
    if (this.#last !== undefined) this.#skipList.forgetEndedBefore(this.#last.startedAt.ms);
    const skipRevision = this.#skipList.revision;
    const observation = await this.#ports.observer.look();
    this.#noteChange(observation);
    const judgement = judge(observation);
    this.#withheldSince = trackWithheld(this.#withheldSince, judgement);
    return { judgement, skipRevision, withheldSince: this.#withheldSince };
  }

  #noteChange(observation: Observation): void {
    const was = this.#last === undefined || isComplete(this.#last);
    this.#last = observation;
    const is = isComplete(observation);
    if (was === is) return;
    const { log } = this.#ports;
    if (is) log.info({}, "observations are complete again");
    else log.warn({ problems: observation.problems }, "observations are incomplete");
  }

  #managementNodes(): ManagementNodeStatus[] {
    const known = new Map(this.#skipList.managementNodes().map((node) => [node.id, node]));
    const ids = new Set([...this.identity.managementNodes, ...known.keys()]);
    return [...ids].map((id) => {
      const isConfigured = this.identity.managementNodes.includes(id);
      const claims = this.#skipList.countOf(id);
      return { id, isConfigured, claims, known: known.get(id) };
    });
  }

  #carryOut(decision: Decision | Refusal): Decision | Refusal {
    if ("code" in decision) {
      this.#ports.log.warn({ code: decision.code, detail: decision.detail }, "statement refused");
      return decision;
    }
    this.#skipList.apply(decision.changes);
    this.#logChanges(decision.changes);
    return decision;
  }

  #logChanges(changes: readonly Change[]): void {
    const { log } = this.#ports;
    const made = changes.flatMap((change) => {
      return change.kind === "claimed" && change.isNew ? [change] : [];
    });
    const ended = changes.filter((change) => change.kind === "ended");
    // The first list of a node with thousands of claims must not be thousands of lines.
    if (made.length + ended.length > loggedChangesMax) {
      log.info({ made: made.length, ended: ended.length }, "many claims made and ended");
      return;
    }
    for (const { claim } of made) log.info(claimFields(claim), "claim made");
    for (const { claim, cause } of ended) log.info({ ...claimFields(claim), cause }, "claim ended");
  }
}

function claimFields({ vmUuid, managementNodeId, operationId, reason }: Claim): object {
  return { vmUuid, managementNodeId, operationId, reason };
}
