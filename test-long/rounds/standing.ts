// What may be true of a claim, as far as those can know who talk to the agent. A statement whose
// answer did not come may have been carried out or not: then both remain possible, until a start
// shows which.

import type { Span } from "../host/boot-time.ts";

/** When an orphan ends: not before the one and not after the other, milliseconds since boot. */
export interface Window {
  earliestMs: number;
  /** Infinite while the answer to what orphaned it is awaited. */
  latestMs: number;
}

export type Standing = "active" | Window;

export interface Tracked {
  readonly vmUuid: string;
  readonly managementNode: string;
  readonly operationId: string;
  /** TTL of its orphanhood; undefined: a day, and whether it is orphaned is not followed. */
  readonly ttlMs: number | undefined;
  /** By the wall clock: for how long the host was down since it was last known to be active. */
  downMs: number;
  /** The epoch that it is certainly of; undefined: not known. */
  epoch: number | undefined;
  /** It was answered 2xx, or a start showed it: it is durable. */
  isAcknowledged: boolean;
  /** A statement that ends it was sent. */
  isEndAsked: boolean;
  /** A statement on it is on its way. */
  isBusy: boolean;
  possible: readonly Standing[];
}

export function trackedKey(claim: {
  readonly vmUuid: string;
  readonly managementNode: string;
  readonly operationId: string;
}): string {
  return `${claim.managementNode} ${claim.operationId} ${claim.vmUuid}`;
}

/** TTL of the orphans that are not followed: longer than any run, but not than the steps of a clock. */
export const dayMs = 86_400_000;
/** How late an orphan may end (G4). */
export const lateMsMax = 1_000;

/** Whether an answer that was made at this time or before must show the claim. */
export function mustLive(claim: Tracked, latestMs: number): boolean {
  if (!claim.isAcknowledged || claim.isEndAsked) return false;
  return claim.possible.every((standing) => {
    return standing === "active" || standing.earliestMs > latestMs;
  });
}

/** Whether an answer that was made at this time or after must not show it. */
export function mustBeOver(claim: Tracked, earliestMs: number): boolean {
  return claim.possible.every((standing) => {
    return standing !== "active" && standing.latestMs + lateMsMax < earliestMs;
  });
}

/** Whether a claim that an answer does not show can have ended by its TTL. */
export function mayHaveExpired(claim: Tracked, latestMs: number): boolean {
  return claim.possible.some((standing) => {
    return standing !== "active" && standing.earliestMs <= latestMs;
  });
}

/** The state that an answer must show; undefined: both are possible. */
export function certainState({ ttlMs, possible }: Tracked): "active" | "orphaned" | undefined {
  if (ttlMs === undefined) return undefined;
  const active = possible.filter((standing) => standing === "active").length;
  if (active === 0) return "orphaned";
  return active === possible.length ? "active" : undefined;
}

/** A statement on its way; `settle` with the time of its answer, or with nothing if none came. */
export interface Underway {
  settle(answered: Span | undefined): void;
}

/** What was sent just now orphans these claims, those that are active. */
export function orphaning(claims: readonly Tracked[], sent: Span): Underway {
  const steps = claims.map((claim) => {
    const ttlMs = claim.ttlMs ?? Number.POSITIVE_INFINITY;
    const window: Window = {
      earliestMs: sent.earliestMs + ttlMs,
      latestMs: Number.POSITIVE_INFINITY,
    };
    const after = claim.possible.map((standing) => (standing === "active" ? window : standing));
    claim.possible = [...new Set([...claim.possible, ...after])];
    return { claim, window, ttlMs, after };
  });
  return {
    settle: (answered) => {
      if (answered === undefined) return;
      for (const { claim, window, ttlMs, after } of steps) {
        window.latestMs = answered.latestMs + ttlMs;
        claim.possible = [...new Set(after)];
      }
    },
  };
}

/** What was sent just now makes these claims active again, those that have not ended. */
export function takingBack(claims: readonly Tracked[]): Underway {
  const steps = claims.map((claim) => {
    const before = claim.possible;
    claim.possible = [...new Set<Standing>([...before, "active"])];
    return { claim, before };
  });
  return {
    settle: (answered) => {
      if (answered === undefined) return;
      for (const { claim, before } of steps) {
        // One whose TTL may have been over first is not taken back, but over.
        const mayBeOver = before.filter((standing) => {
          return standing !== "active" && standing.earliestMs <= answered.latestMs;
        });
        claim.possible = ["active", ...mayBeOver];
      }
    },
  };
}
