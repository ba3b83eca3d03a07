import type { StoredHistoryEntry } from "../../../src/core/history.ts";
import type { Report } from "../../../src/http/schema/report.ts";
import type { Statement } from "./statement.ts";

/** One arrival of a request at an agent; a duplicate is another one. */
export interface Delivery {
  readonly id: number;
  readonly from: string;
  readonly statement: Statement;
  readonly receivedAtMs: number;
  answer?: DeliveryAnswer | undefined;
  /** The agent died before it answered: what became of it is not known. */
  isLost: boolean;
}

export interface DeliveryAnswer {
  readonly atMs: number;
  readonly status: number;
  readonly body: unknown;
  /** What it changed survives the agent. */
  readonly isDurable: boolean;
}

/** A report as it left an agent, and what is known of the look that it rests on. */
export interface SentReport {
  readonly host: string;
  readonly report: Report;
  readonly expect: readonly string[];
  readonly questionAtMs: number;
  readonly sentAtMs: number;
  /** Until when the agent stood still last. */
  readonly stoodStillUntilMs: number;
  readonly look: {
    readonly startedAtMs: number;
    readonly finishedAtMs: number;
    /** Nothing stood in its way. */
    readonly isHealthy: boolean;
  };
}

/** An event as it left an agent, and the last look that it had by then. */
export interface SentEvent {
  readonly host: string;
  readonly entry: StoredHistoryEntry;
  readonly sentAtMs: number;
  readonly look: SentReport["look"];
}
