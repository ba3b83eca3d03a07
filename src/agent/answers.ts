// What the agent answers to whoever asks or states something.

import type { Amnesia } from "../core/amnesia.ts";
import type { Claim } from "../core/claim.ts";
import type { RefusedClaim } from "../core/decide.ts";
import type { Instant } from "../core/instant.ts";
import type { Judgement } from "../core/judgement.ts";
import type { KnownManagementNode } from "../core/management-node.ts";
import type { Observation } from "../core/observation.ts";
import type { RunIdentity } from "../core/records.ts";
import type { FilteredReport, WithheldSince } from "../core/report.ts";
import type { StoreStatus } from "./journal.ts";
import type { LibvirtStatus } from "./ports.ts";

/** An observation judged, with what belongs to the moment at which it began. */
export interface Look {
  readonly judgement: Judgement;
  /** Skip revision at the start of the observation. */
  readonly skipRevision: number;
  readonly withheldSince: WithheldSince;
  /** Last entry of the history that was durable when it began; undefined: none of this run. */
  readonly historyId: number | undefined;
}

/** Amnesia, and the configured management nodes whose list would end it. */
export interface AmnesiaStatus extends Amnesia {
  readonly waitingFor: readonly string[];
}

export interface Report {
  readonly reportId: string;
  readonly run: RunIdentity;
  readonly observation: Observation;
  readonly complete: boolean;
  readonly skipRevision: number;
  /** Rises when what reports say changes; compares as (agent epoch, revision) within one store. */
  readonly contentRevision: number;
  readonly amnesia: AmnesiaStatus | undefined;
  readonly filtered: FilteredReport;
}

export interface SyncOutcome {
  /** Entries of the list that were not applied; undefined: there was no list. */
  readonly refused: readonly RefusedClaim[] | undefined;
  /** False: the disk did not take what was said; it counts in memory all the same. */
  readonly claimsStored: boolean;
}

export interface ClaimAnswer {
  readonly claim: Claim;
  readonly skipRevision: number;
}

export interface ContinueAnswer {
  readonly ended: readonly Claim[];
  /** Given up with an unknown outcome: they live on as orphans. */
  readonly orphaned: readonly Claim[];
  readonly durable: boolean;
  readonly skipRevision: number;
}

export interface NodeAnswer {
  readonly node: ManagementNodeStatus;
  readonly durable: boolean;
}

export interface DepartAnswer {
  /** False: it was not known, gone already, or has been started anew since. */
  readonly departed: boolean;
  /** Claims that became orphans. */
  readonly orphaned: number;
  readonly durable: boolean;
  readonly skipRevision: number;
}

export interface ManagementNodeStatus {
  readonly id: string;
  readonly isConfigured: boolean;
  /** Live claims, orphans among them. */
  readonly claims: number;
  readonly orphans: number;
  /** Undefined while it was never heard. */
  readonly known: KnownManagementNode | undefined;
}

export interface AgentStatus {
  readonly startedAt: Instant;
  readonly run: RunIdentity;
  readonly amnesia: AmnesiaStatus | undefined;
  readonly skipRevision: number;
  readonly activeClaims: number;
  readonly orphanedClaims: number;
  /** Active claims that are older than the warning age. */
  readonly staleClaims: number;
  /** Statements of second processes under an id that were refused. */
  readonly instanceConflicts: number;
  readonly managementNodes: readonly ManagementNodeStatus[];
  readonly store: StoreStatus;
  readonly libvirt: LibvirtStatus;
  readonly watchers: WatchersStatus;
  /** Undefined before the first observation. */
  readonly lastObservation: Observation | undefined;
}

/** Who waits for something to happen, for metrics. Totals count from the start of the agent. */
export interface WatchersStatus {
  readonly heldQuestions: number;
  readonly heldQuestionsMax: number;
  readonly heldQuestionsTotal: number;
  readonly heldQuestionsRefusedTotal: number;
  readonly eventConsumers: number;
  readonly eventConsumersMax: number;
  readonly eventConsumersTotal: number;
  readonly eventConsumersRefusedTotal: number;
  /** By the agent: too slow, the history cannot be read, or the agent stops. */
  readonly eventConsumersCutTotal: number;
  readonly eventsSentTotal: number;
}
