// What libvirt told of VMs since a look began, as far as the looks need it: whose end it told, and
// whose start. Beyond the bound the oldest is forgotten: of an end, then more is doubted.

import type { VmUuid } from "../core/vm-uuid.ts";

/** A host has some thousand VMs at most. */
const toldMax = 20_000;

export class Told {
  readonly #endedMs = new Map<VmUuid, number>();
  readonly #startedMs = new Map<VmUuid, number>();

  ended(vmUuid: VmUuid, ms: number): void {
    note(this.#endedMs, vmUuid, ms);
    this.#startedMs.delete(vmUuid);
  }

  started(vmUuid: VmUuid, ms: number): void {
    note(this.#startedMs, vmUuid, ms);
  }

  /** Whether the end of a VM was told at some moment or later. */
  hasEndedSince(vmUuid: VmUuid, ms: number): boolean {
    return (this.#endedMs.get(vmUuid) ?? Number.NEGATIVE_INFINITY) >= ms;
  }

  /** VMs whose start was told at some moment or later, and whose end was not told after it. */
  startedSince(ms: number): ReadonlySet<VmUuid> {
    const recent = [...this.#startedMs].filter(([, startedMs]) => startedMs >= ms);
    return new Set(recent.map(([vmUuid]) => vmUuid));
  }

  /** What came before is not asked for any more. */
  forgetBefore(ms: number): void {
    for (const told of [this.#endedMs, this.#startedMs]) {
      for (const [vmUuid, atMs] of told) if (atMs < ms) told.delete(vmUuid);
    }
  }
}

function note(told: Map<VmUuid, number>, vmUuid: VmUuid, ms: number): void {
  // Again at the end: a map keeps the order in which its keys came.
  told.delete(vmUuid);
  const [oldest] = told.size >= toldMax ? told.keys() : [];
  if (oldest !== undefined) told.delete(oldest);
  told.set(vmUuid, ms);
}
