// Looks at the host, and what is said of them: looks are judged with what is known beside them, reports
// are filtered when they are sent, and what was said of stops is noted.
//
// INVARIANT: what libvirt told is taken in before anything is judged, sent or read: the end of a VM
// that moved away may be told just before a look that lacks it.

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
import { DomainInbox, type HeardNews } from "./domain-inbox.ts";
import type { AgentPorts, DomainNews } from "./ports.ts";
import { Told } from "./told.ts";

type WatchPorts = Pick<AgentPorts, "clock" | "observer" | "log" | "newId" | "soon">;

/** A look as it was filtered, for as long as nothing changes that. */
interface Shared {
  readonly look: Look;
  readonly filterRevision: number;
  readonly common: CommonReport;
}

/** Sends a report before it returns. */
export type ReportSender = (
  reportId: string,
  contentRevision: number,
  filtered: FilteredReport,
) => void;

export class HostWatch {
  readonly held: HeldQuestions;
  readonly #ports: WatchPorts;
  readonly #decisions: Decisions;
  readonly #observations: NextObservation<Look>;
  readonly #inbox = new DomainInbox();
  readonly #told = new Told();
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
    this.held.heard();
    const isFirst = this.#inbox.isEmpty;
    this.#inbox.put(news, this.#ports.clock.now());
    if (isFirst) this.#ports.soon(() => this.takeIn(), false);
  }

  /** Acts on what libvirt told so far. */
  takeIn(): void {
    if (this.#inbox.isEmpty) return;
    this.#decisions.pass();
    const { heard, dropped } = this.#inbox.take();
    for (const one of heard) this.#heed(one);
    if (dropped === 0) return;
    this.#ports.log.warn({ events: dropped }, "too many domain events: looking at all instead");
    void this.observe();
  }

  acknowledge(reportId: string, by: string): void {
    this.#decisions.pass();
    this.takeIn();
    this.#note(decideAcknowledged(this.#decisions.state, this.#carried.of(reportId)), by);
  }

  /** What the last reports said of a VM, newest first. */
  saidOf(vmUuid: VmUuid): readonly Saying[] {
    return this.#lastReports.saidOf(vmUuid);
  }

  /**
   * Filters a look, hands it over at once, and notes what it said of stops, and to whom.
   *
   * @param to who asks; undefined: nobody who would act on it, and nothing is noted
   */
  deliver(look: Look, expect: readonly VmUuid[], send: ReportSender, to: string | undefined): void {
    const { revision: contentRevision } = this.contentOf(look);
    const { state } = this.#decisions;
    const filtered = this.#common(look).expecting(expect);
    const reportId = this.#ports.newId();
    send(reportId, contentRevision, filtered);
    if (to === undefined) return;
    const sentAt = this.#ports.clock.now();
    this.#carried.keep(reportId, filtered.stops);
    this.#lastReports.keep({ reportId, to, sentAt, filtered });
    this.#note(decideSaid(state, sayingsOf(filtered, state.stops), sentAt), to);
  }

  /** What a report on a look would say of a VM now; what is due by now was applied before. */
  sayingNow(look: Look, vmUuid: VmUuid): string {
    this.takeIn();
    return this.#common(look).sayingOf(vmUuid);
  }

  /** What a report on a look would say now, without the VMs that somebody expects. */
  contentOf(look: Look): { readonly revision: number; readonly filtered: FilteredReport } {
    this.takeIn();
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
    this.takeIn();
    const startedMs = observation.startedAt.ms;
    this.#presence = nextPresence(this.#presence, observation, (vmUuid, sinceMs) => {
      return this.#told.hasEndedSince(vmUuid, sinceMs);
    });
    const started = this.#told.startedSince(startedMs);
    // What was told before a complete look, the next one does not need.
    if (isComplete(observation)) this.#told.forgetBefore(startedMs);
    this.#note(decideSeen(state, observation, this.#presence, started));
    const evidence = { stops: state.stops, doubted: doubted(this.#presence), started };
    const judgement = judge(observation, evidence);
    this.#note(decideRunning(state, judgement));
    this.#withheldSince = trackWithheld(this.#withheldSince, judgement);
    const look = { judgement, skipRevision, withheldSince: this.#withheldSince, historyId };
    this.#lastLook = look;
    this.held.looked(look);
    return look;
  }

  #heed({ news, at }: HeardNews): void {
    const { state } = this.#decisions;
    const { vmUuid } = news;
    if (news.kind === "stopped") {
      this.#told.ended(vmUuid, at.ms);
      this.#note(decideStopped(state, vmUuid, news.cause, at));
      return;
    }
    this.#told.started(vmUuid, at.ms);
    if (news.kind === "started") {
      this.#decisions.note({ atWallMs: at.wallMs, kind: "vm-started", vmUuid, by: "agent" });
    }
    const isIncoming = news.kind === "started" && news.isIncoming === true;
    this.#note(decideStarted(state, vmUuid, isIncoming));
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
