// What events, looks and acknowledgements change about stops.

import type { Change } from "./change.ts";
import type { Instant } from "./instant.ts";
import type { Judgement } from "./judgement.ts";
import { isComplete, type Observation } from "./observation.ts";
import type { Presence } from "./presence.ts";
import type { SkipListView } from "./skip-list.ts";
import { causeOfState, isUnnoticedMigration, type Stop, type StopCause, stopsMax } from "./stop.ts";
import { isAliveState } from "./vm-state.ts";
import type { VmUuid } from "./vm-uuid.ts";

/**
 * A VM stopped, an event says. That it moved away no other cause unsays: what ended here may have been
 * its return, and it runs on elsewhere. Had it been seen to run here, the move would be forgotten.
 */
export function decideStopped(
  state: SkipListView,
  vmUuid: VmUuid,
  cause: StopCause | undefined,
  now: Instant,
): Change[] {
  const known = state.stops.get(vmUuid);
  // Seen by a look just before: the event tells why.
  if (known !== undefined && known.cause === undefined) {
    return [{ kind: "stop", stop: { ...known, cause, at: now } }];
  }
  if (cause !== "migrated" && isUnnoticedMigration(known)) return [];
  const stop = { vmUuid, cause, at: now, isAcknowledged: false, said: [] };
  return withinBound(state, [{ kind: "stop", stop }]);
}

/**
 * A VM runs, an event says: whatever stopped it is past.
 *
 * @param isIncoming it waits for its memory: whether it will run here is not known
 */
export function decideStarted(state: SkipListView, vmUuid: VmUuid, isIncoming: boolean): Change[] {
  const stop = state.stops.get(vmUuid);
  return isIncoming && isUnnoticedMigration(stop) ? [] : forgotten(stop);
}

/**
 * Stops that a look shows and no event told of; and it puts away those of VMs that are long gone from
 * this host, of which nothing is to be told any more. To be decided before the look is judged.
 *
 * @param started VMs whose start was told since the look began: it saw them before that
 */
export function decideSeen(
  state: SkipListView,
  observation: Observation,
  presence: Presence,
  started: ReadonlySet<VmUuid>,
): Change[] {
  const { domains, qemus, startedAt } = observation;
  const changes: Change[] = [];
  for (const { uuid, state: number, reason } of domains?.values() ?? []) {
    if (!inactiveStates.includes(number) || qemus.has(uuid) || started.has(uuid)) continue;
    const cause = causeOfState(number, reason);
    const found = state.stops.get(uuid);
    // It ran again and moved away, and nothing told of either.
    const known = cause === "migrated" && found?.cause !== cause ? undefined : found;
    if (cause === undefined || known?.cause !== undefined) continue;
    const stop = known === undefined ? stopSeen(uuid, cause, startedAt) : { ...known, cause };
    changes.push({ kind: "stop", stop });
  }
  for (const vmUuid of presence.gone) {
    const isKnown = state.stops.has(vmUuid) || domains?.has(vmUuid) === true;
    if (!isKnown) changes.push({ kind: "stop", stop: stopSeen(vmUuid, undefined, startedAt) });
  }
  if (isComplete(observation)) {
    for (const stop of state.stops.values()) {
      const isHere = domains?.has(stop.vmUuid) === true || qemus.has(stop.vmUuid);
      const isOld = startedAt.ms - stop.at.ms > doneAgeMs;
      if (!isHere && isOld && isDone(stop)) changes.push(...forgotten(stop));
    }
  }
  return withinBound(state, changes);
}

/** VMs that a look shows running: whatever stopped them is past. */
export function decideRunning(state: SkipListView, { observation, verdicts }: Judgement): Change[] {
  return [...state.stops.values()].flatMap((stop) => {
    const verdict = verdicts.get(stop.vmUuid);
    if (verdict === undefined || !("state" in verdict)) return [];
    // One that moved away may be here only to wait for its memory, in vain.
    const { state: is } = verdict;
    const isBack = isUnnoticedMigration(stop) ? is === "Running" : isAliveState(is);
    // What an event told after the look began, the look could not know.
    return isBack && stop.at.ms < observation.startedAt.ms ? forgotten(stop) : [];
  });
}

/** A management node has taken note of the causes that a report carried. */
export function decideAcknowledged(state: SkipListView, carried: readonly Stop[]): Change[] {
  return carried.flatMap((of): Change[] => {
    const stop = state.stops.get(of.vmUuid);
    // Another stop of the VM since: that one it does not know of.
    if (stop === undefined || stop.at.ms !== of.at.ms || stop.isAcknowledged) return [];
    return [{ kind: "stop", stop: { ...stop, isAcknowledged: true } }];
  });
}

/** Notes that something was said of VMs: a stop, or that it was withheld and why. */
export function decideSaid(
  state: SkipListView,
  sayings: ReadonlyMap<VmUuid, string>,
  now: Instant,
): Change[] {
  // Counted only where a stop is new: most reports say nothing new.
  let room: number | undefined;
  const changes = [...sayings].flatMap(([vmUuid, saying]): Change[] => {
    const known = state.stops.get(vmUuid);
    // A question may name any VMs at all: for those no move is forgotten.
    if (known === undefined) {
      room ??= stopsMax - [...state.stops.values()].filter(isUnnoticedMigration).length;
      if ((room -= 1) < 0) return [];
    }
    const stop = known ?? stopSeen(vmUuid, undefined, now);
    if (stop.said.includes(saying)) return [];
    return [{ kind: "stop", stop: { ...stop, said: [...stop.said, saying] } }];
  });
  return withinBound(state, changes);
}

/** A stop of which nothing is to be told is forgotten after this: a day. */
const doneAgeMs = 24 * 60 * 60 * 1000;

/** virDomainState: shut off, crashed. */
const inactiveStates: readonly number[] = [5, 6];

function stopSeen(vmUuid: VmUuid, cause: StopCause | undefined, at: Instant): Stop {
  return { vmUuid, cause, at, isAcknowledged: false, said: [] };
}

/** Nothing is to be told of it any more. */
function isDone({ cause, isAcknowledged, said }: Stop): boolean {
  return said.length > 0 && (cause === undefined || isAcknowledged);
}

function forgotten(stop: Stop | undefined): Change[] {
  return stop === undefined ? [] : [{ kind: "stop-forgotten", vmUuid: stop.vmUuid }];
}

/**
 * Makes room for stops that are new: those of which nothing is to be told any more go first, then the
 * oldest, and last those of VMs that moved away: forgotten, they would be called stopped.
 */
function withinBound(state: SkipListView, changes: readonly Change[]): Change[] {
  const told = new Set<VmUuid>();
  let added = 0;
  for (const change of changes) {
    if (change.kind !== "stop") continue;
    told.add(change.stop.vmUuid);
    if (!state.stops.has(change.stop.vmUuid)) added += 1;
  }
  const excess = state.stops.size + added - stopsMax;
  if (added === 0 || excess <= 0) return [...changes];
  const others = [...state.stops.values()].filter(({ vmUuid }) => !told.has(vmUuid));
  const isSettled = ({ cause, isAcknowledged }: Stop): boolean =>
    cause === undefined || isAcknowledged;
  const inOrder = [
    ...others.filter(isSettled),
    ...others.filter((stop) => !isSettled(stop) && !isUnnoticedMigration(stop)),
    ...others.filter(isUnnoticedMigration),
  ];
  return [...inOrder.slice(0, excess).flatMap(forgotten), ...changes];
}
