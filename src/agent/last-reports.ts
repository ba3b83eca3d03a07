// The reports that were sent last, for whoever asks what was said of a VM and when.

import type { Instant } from "../core/instant.ts";
import { type FilteredReport, sayingOf } from "../core/report.ts";
import type { VmUuid } from "../core/vm-uuid.ts";

/** Reports that are remembered: some minutes of several management nodes. */
const reportsMax = 32;

interface SentReport {
  readonly reportId: string;
  /** Who asked. */
  readonly to: string;
  readonly sentAt: Instant;
  readonly filtered: FilteredReport;
}

/** What a report said of one VM. */
export interface Saying {
  readonly reportId: string;
  /** Who asked. */
  readonly to: string;
  readonly sentAt: Instant;
  readonly said: string;
}

export class LastReports {
  #reports: SentReport[] = [];

  keep(report: SentReport): void {
    this.#reports = [...this.#reports.slice(1 - reportsMax), report];
  }

  /** What they said of a VM, newest first. */
  saidOf(vmUuid: VmUuid): Saying[] {
    return this.#reports.toReversed().map(({ reportId, to, sentAt, filtered }) => {
      return { reportId, to, sentAt, said: sayingOf(filtered, vmUuid) };
    });
  }
}
