// What a session keeps of one host.

import type { ClaimStatement } from "../../http/schema/claims.ts";
import type { Operation } from "./operation.ts";
import type { AgentRun, HostCalls } from "./ports.ts";

/** The whole list for a host, as it was taken. */
export interface TakenList {
  readonly entries: readonly ClaimStatement[];
  /** How often a list had become due by then. */
  readonly dues: number;
}

export class Host {
  readonly id: string;
  readonly calls: HostCalls;
  /** Operations that concern this host, by their key. */
  readonly operations = new Map<string, Operation>();
  #run: AgentRun | undefined;
  /** Report whose word on stops is in the database, and of which the agent was not told yet. */
  #noted: string | undefined;
  /** How often a list became due, and how often that had been when the last one was heard. */
  #dues = 1;
  #duesHeard = 0;

  constructor(id: string, calls: HostCalls) {
    this.id = id;
    this.calls = calls;
  }

  /** The run of the agent that was last heard of; undefined before its first answer. */
  get run(): AgentRun | undefined {
    return this.#run;
  }

  /** Whether the agent may not know the list: at first, after a failed call, in another run of it. */
  get isListDue(): boolean {
    return this.#dues > this.#duesHeard;
  }

  get noted(): string | undefined {
    return this.#noted;
  }

  note(reportId: string): void {
    this.#noted = reportId;
  }

  /** The agent was told of a report that was noted. */
  toldOf(reportId: string | undefined): void {
    if (this.#noted === reportId) this.#noted = undefined;
  }

  listBecameDue(): void {
    this.#dues += 1;
  }

  /** Take the sequence that goes with it in the same turn: a claim between the two would be ended. */
  takeList(): TakenList {
    const operations = [...this.operations.values()].filter((one) => one.isNamedTo(this.id));
    return { entries: operations.map(({ claim }) => claim), dues: this.#dues };
  }

  /** The agent has applied and stored a list; one that became due meanwhile stays due. */
  heardList({ dues }: TakenList): void {
    this.#duesHeard = Math.max(this.#duesHeard, dues);
  }

  /** An answer came from this run of the agent. */
  answeredBy({ storeId, epoch }: AgentRun): void {
    const known = this.#run;
    if (known?.storeId === storeId && known.epoch === epoch) return;
    this.listBecameDue();
    // This answer was overtaken on its way, or an older copy of the store was put in place: then what
    // is said to the agent has to tell it of the later run.
    if (known?.storeId === storeId && known.epoch > epoch) return;
    this.#run = { storeId, epoch };
  }
}
