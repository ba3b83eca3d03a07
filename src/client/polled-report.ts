// Reports that are asked for again and again: what the headers of an answer say beside the report.

import type { Report } from "../http/schema/report.ts";
import type { ExchangeAnswer } from "./exchange.ts";

export interface PollOptions {
  readonly include?: "libvirt" | undefined;
  /** `etag` of the last answer; undefined: there is none yet. */
  readonly ifNoneMatch: string | undefined;
  /** How long the agent may wait for a change, 1 to 30 seconds; absent: it answers at once. */
  readonly waitSeconds?: number | undefined;
}

export interface PolledReport {
  /** What to ask with the next time. */
  readonly etag: string;
  /** Undefined: the one with this tag holds, as of this observation. */
  readonly report: Report | undefined;
  /** When the observation began; what a mark is compared with. */
  readonly skipRevision: number;
  /** When the answer was sent. */
  readonly skipRevisionNow: number;
  readonly observation: {
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly complete: boolean;
  };
}

/** Undefined: the headers are not those of this API. */
export function polledReport(
  { headers = {} }: ExchangeAnswer,
  report: Report | undefined,
): PolledReport | undefined {
  const text = (name: string): string | undefined => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
  const etag = text("etag");
  const skipRevision = Number(text("vmsyncd-skip-revision") ?? Number.NaN);
  const skipRevisionNow = Number(text("vmsyncd-skip-revision-now") ?? Number.NaN);
  const startedAt = text("vmsyncd-observation-started-at");
  const finishedAt = text("vmsyncd-observation-finished-at");
  const complete = text("vmsyncd-observation-complete") === "true";
  if (etag === undefined || startedAt === undefined || finishedAt === undefined) return undefined;
  if (!Number.isSafeInteger(skipRevision) || !Number.isSafeInteger(skipRevisionNow)) {
    return undefined;
  }
  const observation = { startedAt, finishedAt, complete };
  return { etag, report, skipRevision, skipRevisionNow, observation };
}
