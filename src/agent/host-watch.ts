// Looks at the host, and what is said of them: looks are judged with what is known beside them, reports
// are filtered when they are sent, and what was said of stops is noted.

import type { Change } from "../core/change.ts";
import {
  decideAcknowledged,
  decideRunning,
  decideSaid,
  decideSeen,
  decideStarted,
  decideStopped,
} from "../core/decide-stops.ts";
import { type AmnesiaContent, type Content, isSameContent } from "../core/content.ts";
import { listsMissing } from "../core/decide-amnesia.ts";
import { judge } from "../core/judgement.ts";
import { isComplete, type Observation } from "../core/observation.ts";
import { doubted, nextPresence, nothingSeen, type Presence } from "../core/presence.ts";
import {
  type CommonReport,
  type FilteredReport,
  filterCommon,
  sayingsOf,
  trackWithheld,
  type WithheldSince,
} from "../core/report.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import type { Look } from "./answers.ts";
import { CarriedStops } from "./carried-stops.ts";
import type { Decisions } from "./decisions.ts";
import { HeldQuestions } from "./held-questions.ts";
import { LastReports, type Saying } from "./last-reports.ts";
import { NextObservation } from "./next-observation.ts";
import type { AgentPorts, DomainNews } from "./ports.ts";

type WatchPorts = Pick<AgentPorts, "clock" | "observer" | "log" | "newId">;

/** A look as it was filtered, for as long as nothing changes that. */
interface Shared {
  readonly look: Look;
  readonly filterRevision: number;
  readonly common: CommonReport;
}

export class HostWatch {
  readonly held: HeldQuestions;
  readonly #ports: WatchPorts;
  readonly #decisions: Decisions;
  readonly #observations: NextObservation<Look>;
  readonly #carried = new CarriedStops();
  readonly #lastReports = new LastReports();
  #withheldSince: WithheldSince = new Map();
  #presence: Presence = nothingSeen;
  #lookedAtMs: number;
  #last: Observation | undefined;
  #lastLook: Look | undefined;
  #shared: Shared | undefined;
  #content: Content | undefined;
  #contentRevision = 0;

  constructor(ports: WatchPorts, decisions: Decisions) {
    this.#ports = ports;
    this.#decisions = decisions;
    this.#lookedAtMs = ports.clock.now().ms;
    this.#observations = new NextObservation(() => this.#look());
    this.held = new HeldQuestions({
      lastLook: () => this.#lastLook,
      filterRevision: () => decisions.state.filterRevision,
      observe: () => void this.observe(),
    });
  }

  /** The last look; undefined before the first. */
  get last(): Observation | undefined {
    return this.#last;
  }

  /** The last look, judged; undefined before the first. */
  get lastLook(): Look | undefined {
    return this.#lastLook;
  }

  observe(): Promise<Look> {
    return this.#observations.request();
  }

  observeAfter(idleMs: number): void {
    if (this.#ports.clock.now().ms - this.#lookedAtMs >= idleMs) void this.observe();
  }

  noteDomain(news: DomainNews): void {
    const now = this.#decisions.pass();
    const { state } = this.#decisions;
    const { vmUuid } = news;
    this.held.heard();
    if (news.kind === "stopped") {
      this.#note(decideStopped(state, vmUuid, news.cause, now));
      return;
    }
    if (news.kind === "started") {
      this.#decisions.note({ atWallMs: now.wallMs, kind: "vm-started", vmUuid, by: "agent" });
    }
    this.#note(decideStarted(state, vmUuid));
  }

  acknowledge(reportId: string, by: string): void {
    this.#decisions.pass();
    this.#note(decideAcknowledged(this.#decisions.state, this.#carried.of(reportId)), by);
  }

  /** What the last reports said of a VM, newest first. */
  saidOf(vmUuid: VmUuid): readonly Saying[] {
    return this.#lastReports.saidOf(vmUuid);
  }

  /** Filters a look, hands it over at once, and notes what it said of stops. */
  deliver(
    look: Look,
    expect: readonly VmUuid[],
    send: (reportId: string, contentRevision: number, filtered: FilteredReport) => void,
  ): void {
    const { state } = this.#decisions;
    const { revision: contentRevision } = this.contentOf(look);
    const filtered = this.#common(look).expecting(expect);
    const reportId = this.#ports.newId();
    send(reportId, contentRevision, filtered);
    const sentAt = this.#ports.clock.now();
    this.#carried.keep(reportId, filtered.stops);
    this.#lastReports.keep({ reportId, sentAt, filtered });
    this.#note(decideSaid(state, sayingsOf(filtered, state.stops), sentAt));
  }

  /** What a report on a look would say of a VM now; what is due by now was applied before. */
  sayingNow(look: Look, vmUuid: VmUuid): string {
    return this.#common(look).sayingOf(vmUuid);
  }

  /** What a report on a look would say now, without the VMs that somebody expects. */
  contentOf(look: Look): { readonly revision: number; readonly filtered: FilteredReport } {
    const { filtered } = this.#common(look);
    const content = { filtered, amnesia: this.#amnesia() };
    const isSame = this.#content !== undefined && isSameContent(this.#content, content);
    if (!isSame) this.#contentRevision += 1;
    this.#content = content;
    return { revision: this.#contentRevision, filtered };
  }

  /** Shared by all who ask for the same look, and filtered again when the skip list has changed. */
  #common(look: Look): CommonReport {
    const { state } = this.#decisions;
    const { filterRevision } = state;
    const shared = this.#shared;
    if (shared?.look === look && shared.filterRevision === filterRevision) return shared.common;
    const common = filterCommon(look.judgement, state, look.withheldSince);
    this.#shared = { look, filterRevision, common };
    return common;
  }

  #amnesia(): AmnesiaContent | undefined {
    const { state } = this.#decisions;
    const { amnesia } = state;
    return amnesia && { reason: amnesia.reason, waitingFor: listsMissing(state) };
  }

  async #look(): Promise<Look> {
    this.#decisions.pass();
    const { state } = this.#decisions;
    // The report on the last look may still be on its way to its sender, so what its window needs
    // is kept; what only older ones needed is not.
    if (this.#last !== undefined) state.forgetEndedBefore(this.#last.startedAt.ms);
    const skipRevision = state.revision;
    const historyId = this.#decisions.journal.history.lastId;
    this.held.looking();
    this.#lookedAtMs = this.#ports.clock.now().ms;
    const observation = await this.#ports.observer.look();
    this.#noteChange(observation);
    const { stops } = state;
    this.#presence = nextPresence(this.#presence, observation, (vmUuid, sinceMs) => {
      return (stops.get(vmUuid)?.at.ms ?? Number.NEGATIVE_INFINITY) >= sinceMs;
    });
    this.#note(decideSeen(state, observation, this.#presence));
    const judgement = judge(observation, { stops, doubted: doubted(this.#presence) });
    this.#note(decideRunning(state, judgement));
    this.#withheldSince = trackWithheld(this.#withheldSince, judgement);
    const look = { judgement, skipRevision, withheldSince: this.#withheldSince, historyId };
    this.#lastLook = look;
    this.held.looked(look);
    return look;
  }

  /** Nobody waits for it: it is written with the next commit. */
  #note(changes: readonly Change[], by = "agent"): void {
    if (changes.length > 0) void this.#decisions.apply(changes, by).stored;
  }

  #noteChange(observation: Observation): void {
    const was = this.#last === undefined || isComplete(this.#last);
    this.#last = observation;
    const is = isComplete(observation);
    if (was === is) return;
    const { log } = this.#ports;
    if (is) log.info({}, "observations are complete again");
    else log.warn({ problems: observation.problems }, "observations are incomplete");
  }
}
