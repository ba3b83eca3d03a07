// Which stops the last reports carried, so that who acknowledges a report acknowledges these and no
// others. Kept in memory: after a restart a stop is told once more.

import type { Stop } from "../core/stop.ts";

/** Reports with stops that are remembered; 64 management nodes may each have some on the way. */
const reportsMax = 1_000;

export class CarriedStops {
  readonly #ofReport = new Map<string, readonly Stop[]>();

  /** Remembers what a report carried. */
  keep(reportId: string, stops: readonly Stop[]): void {
    if (stops.length === 0) return;
    this.#ofReport.set(reportId, stops);
    const [oldest] = this.#ofReport.keys();
    if (this.#ofReport.size > reportsMax && oldest !== undefined) this.#ofReport.delete(oldest);
  }

  /** What a report carried; nothing, if it is not known any more. */
  of(reportId: string): readonly Stop[] {
    return this.#ofReport.get(reportId) ?? [];
  }
}
