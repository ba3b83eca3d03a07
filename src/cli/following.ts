// Events over as many connections as it takes: who is cut off comes back with the last position.

import { setTimeout as wait } from "node:timers/promises";
import type { AgentEvent, EventsOptions, VmsyncdClient } from "../client/client.ts";
import { AgentUnreachableError, ApiError } from "../client/errors.ts";

/** Times between attempts to come back. */
const firstWaitMs = 500;
const waitMsMax = 15_000;

export interface FollowOptions extends EventsOptions {
  readonly signal: AbortSignal;
  /** Told why a connection ended, once until the next one stands. */
  readonly onLost: (why: string) => void;
}

/**
 * Events until the signal.
 *
 * @throws ApiError, AgentUnreachableError if already the first connection fails
 */
export async function* followEvents(
  client: Pick<VmsyncdClient, "events">,
  { onLost, ...options }: FollowOptions,
): AsyncGenerator<AgentEvent, void> {
  const { signal } = options;
  let { after } = options;
  let waitMs = firstWaitMs;
  let isLost = false;
  let wasConnected = false;
  while (!signal.aborted) {
    let why = "";
    try {
      for await (const event of client.events({ ...options, after })) {
        [wasConnected, isLost, waitMs] = [true, false, firstWaitMs];
        after = event.position ?? after;
        if (event.event === "cut") why = event.data.detail;
        yield event;
        if (signal.aborted) return;
      }
    } catch (error) {
      const isOfAgent = error instanceof AgentUnreachableError || error instanceof ApiError;
      if (!wasConnected || !isOfAgent) throw error;
      why = error.message;
    }
    if (signal.aborted) return;
    if (!isLost) onLost(why);
    isLost = true;
    await wait(waitMs, undefined, { signal }).catch(() => {});
    waitMs = Math.min(waitMsMax, 2 * waitMs);
  }
}
