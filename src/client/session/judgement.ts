// What a management node may conclude of a report. The agent filters what it says; what was said
// before a claim and is read after it, only the reader can discard.

import type { Report } from "../../http/schema/report.ts";
import { normalVmUuid } from "./vm-uuid.ts";

/**
 * Place of a claim in the history of a host's agent. It stands in the VM's row, written in the
 * transaction that marks the VM as starting, and stays there after the continue; of each host the
 * row keeps the last one.
 */
export interface VmMark {
  readonly hostId: string;
  readonly storeId: string;
  readonly agentEpoch: number;
  /** Skip revision with which the claim was answered. */
  readonly revision: number;
}

/** Place of a report: the skip list as it was when the look at the host began. */
export type ReportPlace = VmMark;

/** What the database says at the moment of judging; read it in the transaction that judges. */
export interface JudgedVm {
  /** The marks in the VM's row; those of other hosts are passed over. */
  readonly marks: readonly VmMark[];
  /** The current store id of the host that reports; undefined: the database has none. */
  readonly currentStoreId: string | undefined;
}

/** Why a report says nothing of a VM; a closed set. */
export type Silence =
  /** An operation on it is or was in flight. */
  | "skipped"
  /** The agent refused to call it stopped. */
  | "withheld"
  /** It is not named, and the report says that this means nothing. */
  | "absent"
  /** A state that is neither life nor a stop, or a word of a newer agent. */
  | "no-verdict"
  /** The report is of a store that is not the host's current one. */
  | "other-store"
  /** The look began before the VM's last claim on that host. */
  | "older-than-mark";

export type Judgement =
  | { readonly verdict: "alive"; readonly state: string }
  /** `state` is "Stopped" or "Crashed". */
  | { readonly verdict: "stopped"; readonly state: string }
  /** Not to be judged by this report. `seenAlive`: skipped, and running or paused all the same. */
  | { readonly verdict: "unknown"; readonly why: Silence; readonly seenAlive?: true };

const aliveStates = new Set(["Running", "Paused", "Starting", "ShuttingDown", "Suspended"]);
const stopStates = new Set(["Stopped", "Crashed"]);

/** Whether a report is young enough to judge a VM, and of the right store. */
export function mayJudge(report: ReportPlace, vm: JudgedVm): boolean {
  return objection(report, vm) === undefined;
}

/**
 * A mark of a store that the host no longer has is older than any report of the current one: a
 * store id is in a mark only after it was current in the database, and it never becomes so again.
 */
function objection(report: ReportPlace, { marks, currentStoreId }: JudgedVm): Silence | undefined {
  if (report.storeId !== currentStoreId) return "other-store";
  const isOlder = marks
    .filter(({ hostId, storeId }) => hostId === report.hostId && storeId === report.storeId)
    .some((mark) => precedes(report, mark));
  return isOlder ? "older-than-mark" : undefined;
}

function precedes(one: ReportPlace, other: VmMark): boolean {
  if (one.agentEpoch !== other.agentEpoch) return one.agentEpoch < other.agentEpoch;
  return one.revision < other.revision;
}

/** A report of one host, to be asked VM by VM. */
export class HostReport {
  readonly report: Report;
  readonly place: ReportPlace;
  readonly #skipped: ReadonlyMap<string, Report["skipped"][number]>;
  readonly #withheld: ReadonlySet<string>;

  constructor(hostId: string, report: Report) {
    const { storeId, epoch } = report.agent;
    this.report = report;
    this.place = { hostId, storeId, agentEpoch: epoch, revision: report.skipRevision };
    this.#skipped = new Map(report.skipped.map((vm) => [vm.vmUuid, vm]));
    this.#withheld = new Set(report.withheld.map((vm) => vm.vmUuid));
  }

  /**
   * What may be concluded of one VM. Call it in the transaction that acts on the answer, with what
   * that transaction read.
   *
   * @param vmUuid dashed or as 32 hex digits, in any case
   * @throws SessionError "invalid-operation" if it is no uuid
   */
  judge(vmUuid: string, vm: JudgedVm): Judgement {
    const why = objection(this.place, vm);
    if (why !== undefined) return { verdict: "unknown", why };
    const uuid = normalVmUuid(vmUuid);
    const skipped = this.#skipped.get(uuid);
    if (skipped !== undefined) {
      const seenAlive = skipped.alive === true ? { seenAlive: true as const } : {};
      return { verdict: "unknown", why: "skipped", ...seenAlive };
    }
    if (this.#withheld.has(uuid)) return { verdict: "unknown", why: "withheld" };
    const { states, absentMeans } = this.report;
    if (Object.hasOwn(states, uuid)) return judgeState(states[uuid] as string);
    return absentMeans === "stopped"
      ? { verdict: "stopped", state: "Stopped" }
      : { verdict: "unknown", why: "absent" };
  }
}

function judgeState(state: string): Judgement {
  if (aliveStates.has(state)) return { verdict: "alive", state };
  if (stopStates.has(state)) return { verdict: "stopped", state };
  return { verdict: "unknown", why: "no-verdict" };
}
