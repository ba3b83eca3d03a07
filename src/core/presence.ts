// Which VMs were alive in the last complete looks, and whether too many of them are gone at once to
// be believed. More than half of the VMs of a host do not stop between two looks without a word: it
// is rather the look that is wrong. Pure; one value per look.
//
// INVARIANTS:
// - An incomplete look changes nothing: it proves nobody's absence.
// - A mass disappearance is doubted until two more complete looks have confirmed it (the bound that
//   G10 demands), and no longer.

import { isComplete, type Observation } from "./observation.ts";
import type { VmUuid } from "./vm-uuid.ts";

/** So many VMs must be gone at once, and more than half of those that were there. */
const goneMin = 4;
/** Complete looks that have to confirm a mass disappearance. */
export const confirmations = 2;
/** Least time from one of them to the next. */
export const confirmationIntervalMs = 5_000;

/** A mass disappearance that is doubted. */
interface Doubt {
  readonly vms: ReadonlySet<VmUuid>;
  /** Looks that have confirmed it so far. */
  readonly confirmed: number;
  /** When the look began that raised or last confirmed it. */
  readonly lookedAtMs: number;
}

export interface Presence {
  /** VMs that the last complete look showed alive, and when that look began. */
  readonly alive: ReadonlyMap<VmUuid, number>;
  /** One for each loss; a VM is in one of them at most. */
  readonly doubts: readonly Doubt[];
  /** VMs that the last look found gone, and believed to be. */
  readonly gone: ReadonlySet<VmUuid>;
}

export const nothingSeen: Presence = { alive: new Map(), doubts: [], gone: new Set() };

/** virDomainState of a domain that has no QEMU: shut off, crashed. */
const inactiveStates: readonly number[] = [5, 6];

/**
 * Carries presence on by one look.
 *
 * @param isAccountedFor whether libvirt told of the end of a VM that was alive in a look that began at
 *   `sinceMs`
 */
export function nextPresence(
  before: Presence,
  observation: Observation,
  isAccountedFor: (vmUuid: VmUuid, sinceMs: number) => boolean,
): Presence {
  if (!isComplete(observation)) return { ...before, gone: new Set() };
  const { ms } = observation.startedAt;
  const alive = new Map<VmUuid, number>();
  for (const vmUuid of aliveIn(observation)) alive.set(vmUuid, ms);
  const missing = [...before.alive].filter(([vmUuid]) => !alive.has(vmUuid));
  const unexplained = missing.filter(([vmUuid, sinceMs]) => !isAccountedFor(vmUuid, sinceMs));
  const isMass = unexplained.length >= goneMin && unexplained.length * 2 > before.alive.size;
  const left = before.doubts.flatMap((doubt) => doubtAfter(doubt, alive, ms));
  const isLeft = new Set(left.flatMap(({ vms }) => [...vms]));
  const absent = [...missing.map(([vmUuid]) => vmUuid), ...doubted(before)];
  const found = absent.filter((vmUuid) => !alive.has(vmUuid) && !isLeft.has(vmUuid));
  if (!isMass) return { alive, doubts: left, gone: new Set(found) };
  // Those that were lost before are doubted no longer than they would be without this loss.
  const vms = new Set(unexplained.map(([vmUuid]) => vmUuid));
  const doubts = [...left, { vms, confirmed: 0, lookedAtMs: ms }];
  return { alive, doubts, gone: new Set(found.filter((vmUuid) => !vms.has(vmUuid))) };
}

/** VMs whose stop is not believed yet. */
export function doubted({ doubts }: Presence): ReadonlySet<VmUuid> {
  return new Set(doubts.flatMap(({ vms }) => [...vms]));
}

/** What is left of a doubt after another complete look. */
function doubtAfter(doubt: Doubt, alive: ReadonlyMap<VmUuid, number>, ms: number): Doubt[] {
  const vms = new Set([...doubt.vms].filter((vmUuid) => !alive.has(vmUuid)));
  if (vms.size === 0) return [];
  if (ms - doubt.lookedAtMs < confirmationIntervalMs) return [{ ...doubt, vms }];
  const confirmed = doubt.confirmed + 1;
  return confirmed >= confirmations ? [] : [{ vms, confirmed, lookedAtMs: ms }];
}

function* aliveIn({ domains, qemus }: Observation): Iterable<VmUuid> {
  yield* qemus;
  for (const { uuid, state } of domains?.values() ?? []) {
    if (!inactiveStates.includes(state)) yield uuid;
  }
}
