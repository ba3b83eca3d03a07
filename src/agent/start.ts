// The start of a run: what the store held becomes the state, the agent epoch rises durably, and where
// claims may be unknown amnesia begins.

import type { AmnesiaReason } from "../core/amnesia.ts";
import type { Change } from "../core/change.ts";
import { beginAmnesia } from "../core/decide-amnesia.ts";
import type { HistoryEntry } from "../core/history.ts";
import { isSameBoot, recall } from "../core/past.ts";
import type { Policy } from "../core/policy.ts";
import type { RunIdentity, StoredState } from "../core/records.ts";
import { SkipList } from "../core/skip-list.ts";
import { transitionsOf } from "../core/transitions.ts";
import { Journal, type StoreStatus } from "./journal.ts";
import type { AgentPorts } from "./ports.ts";

/** What is known of earlier runs. */
export interface Past {
  /** Undefined: nothing. */
  readonly state?: StoredState | undefined;
  /** Why claims may be unknown; undefined: the store is intact. */
  readonly amnesiaReason?: AmnesiaReason | undefined;
  /** What happened to the store, for people. */
  readonly detail?: string | undefined;
}

export interface Run {
  readonly run: RunIdentity;
  readonly state: SkipList;
  readonly journal: Journal;
}

type StartPorts = Pick<AgentPorts, "clock" | "store" | "log" | "soon" | "newId">;

/**
 * Begins a run. Where the rise of the agent epoch cannot be written down, revisions of this run might
 * be given out again by the next: so it calls itself a run of another store, with amnesia.
 */
export async function startRun(
  ports: StartPorts,
  policy: Policy,
  { bootId, version }: { readonly bootId: string; readonly version: string },
  past: Past,
): Promise<Run> {
  const { state: stored } = past;
  const amnesiaReason = past.amnesiaReason ?? (stored === undefined ? "new-store" : undefined);
  const isSameStore = stored !== undefined && amnesiaReason === undefined;
  const intended: RunIdentity = {
    storeId: isSameStore ? stored.run.storeId : ports.newId(),
    agentEpoch: (stored?.run.agentEpoch ?? 0) + 1,
  };
  const begin = (
    run: RunIdentity,
    reason: AmnesiaReason | undefined,
    storeStatus?: StoreStatus,
  ): Run =>
    makeRun(
      ports,
      policy,
      { run, bootId, version },
      { ...past, amnesiaReason: reason },
      storeStatus,
    );
  const first = begin(intended, amnesiaReason);
  const { durable } = await first.journal.commit();
  if (durable) return said(ports, first, past);
  const unwritable = { storeId: ports.newId(), agentEpoch: intended.agentEpoch };
  const reason = amnesiaReason ?? "unwritable-store";
  return said(ports, begin(unwritable, reason, first.journal.status), past);
}

/** A run that is the one, told to the log. */
function said({ log, clock }: StartPorts, run: Run, { detail }: Past): Run {
  const { amnesia } = run.state;
  if (amnesia !== undefined && amnesia.endsAtMs > clock.now().ms) {
    const { reason } = amnesia;
    log.warn({ reason, detail }, "claims may be unknown: nothing is called stopped");
  }
  return run;
}

function makeRun(
  ports: StartPorts,
  policy: Policy,
  head: { readonly run: RunIdentity; readonly bootId: string; readonly version: string },
  { state: stored, amnesiaReason, detail }: Past,
  storeStatus: StoreStatus | undefined,
): Run {
  const now = ports.clock.now();
  const state = new SkipList(policy, now);
  const journal = new Journal(ports, state, head, storeStatus);
  const recalled = stored === undefined ? [] : recall(stored, head.bootId, now);
  state.apply(recalled);
  const isOtherBoot = stored !== undefined && !isSameBoot(stored, head.bootId, now);
  // Their instants are those of another boot, and no longer what the new checkpoint says.
  if (isOtherBoot) journal.mark(recalled, []);
  const amnesia: Change[] =
    amnesiaReason === undefined ? [] : [beginAmnesia(state, amnesiaReason, now)];
  const entries: HistoryEntry[] = [started(head, now.wallMs)];
  if (amnesiaReason === "damaged-store") {
    entries.push({ atWallMs: now.wallMs, kind: "store-set-aside", by: "agent", detail });
  }
  entries.push(...transitionsOf(state, amnesia, "agent", now));
  state.apply(amnesia);
  journal.mark(amnesia, entries);
  return { run: head.run, state, journal };
}

function started(
  { run, version }: { readonly run: RunIdentity; readonly version: string },
  atWallMs: number,
): HistoryEntry {
  const detail = `version ${version}, store ${run.storeId}, agent epoch ${run.agentEpoch}`;
  return { atWallMs, kind: "agent-started", by: "agent", detail };
}
