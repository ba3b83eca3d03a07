// A host whose agent keeps to the rules of order, and a network that does what the test says: it
// fails a call, loses an answer, or holds a message back until the test delivers it.

import { AgentUnreachableError, ApiError } from "../../../src/client/errors.ts";
import type { HostCalls } from "../../../src/client/session/ports.ts";
import type { ManagementNode } from "../../../src/http/schema/common.ts";
import { type ProblemName, problems, problemType } from "../../../src/http/schema/problem.ts";
import type { Report, SyncBody } from "../../../src/http/schema/report.ts";

type CallName = keyof HostCalls;

/** A message as it was sent. */
export interface Sent {
  readonly name: CallName;
  readonly sequence: number | undefined;
  readonly operationId?: string;
  readonly outcome?: string | undefined;
  readonly managementNode?: ManagementNode;
  /** Operation ids of the list; undefined: none was sent. */
  readonly list?: readonly string[] | undefined;
  /** Everything that the call was given. */
  readonly args: readonly unknown[];
}

/** What becomes of the next call: it fails on its way, its answer does, or it waits. */
type Fate = { readonly error: Error } | "answer-lost" | { readonly held: Promise<void> };

export const unreachable = new AgentUnreachableError("not-running", "cannot reach it: made up");

export function refusal(name: ProblemName, currentEpoch?: number): ApiError {
  const { status, title } = problems[name];
  const detail = `cannot do it: ${name}`;
  const epoch = currentEpoch === undefined ? {} : { currentEpoch };
  return new ApiError({ type: problemType(name), title, status, detail, ...epoch });
}

export class FakeHost implements HostCalls {
  readonly sent: Sent[] = [];
  run = { storeId: "store-1", epoch: 1 };
  revision = 100;
  isDurable = true;
  /** What the next reports say. */
  says: Partial<Report> = {};
  /** Live claims: operation id to sequence, and those that it ended by a list. */
  readonly live = new Map<string, number>();
  readonly orphans = new Set<string>();
  readonly #continued = new Set<string>();
  readonly #fates = new Map<CallName, Fate[]>();
  #lastList = 0;

  /** The next calls of that name fail on their way. */
  fail(name: CallName, ...errors: readonly Error[]): void {
    this.#fatesOf(name).push(...errors.map((error) => ({ error })));
  }

  loseAnswer(name: CallName): void {
    this.#fatesOf(name).push("answer-lost");
  }

  /** The next call of that name arrives when the returned function is called. */
  hold(name: CallName): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#fatesOf(name).push({ held: promise });
    return resolve;
  }

  sentOf(name: CallName): Sent[] {
    return this.sent.filter((one) => one.name === name);
  }

  sync(body: SyncBody): Promise<Report> {
    const { managementNode, skipList } = body;
    const list = skipList?.map(({ operationId }) => operationId);
    const { sequence } = managementNode;
    return this.#travel({ name: "sync", sequence, managementNode, list, args: [body] }, () => {
      if (list !== undefined) this.#applyList(sequence, list);
      return this.#report(list);
    });
  }

  claim(vmUuid: string, operationId: string, body: { readonly managementNode: ManagementNode }) {
    const { managementNode } = body;
    const { sequence } = managementNode;
    const args = [vmUuid, operationId, body];
    return this.#travel({ name: "claim", sequence, operationId, managementNode, args }, () => {
      if (this.#continued.has(operationId)) throw refusal("operation-continued");
      const isLive = this.live.has(operationId);
      if (!isLive && sequence < this.#lastList) throw refusal("stale-claim");
      this.live.set(operationId, Math.max(sequence, this.live.get(operationId) ?? 0));
      this.revision += 1;
      return { skipRevision: this.revision, agent: this.run };
    });
  }

  continueClaim(
    vmUuid: string,
    operationId: string,
    options: Parameters<HostCalls["continueClaim"]>[2],
  ) {
    const { caller, outcome } = options;
    const args = [vmUuid, operationId, options];
    const sent = {
      name: "continueClaim",
      sequence: caller.sequence,
      operationId,
      outcome,
      args,
    } as const;
    return this.#travel(sent, () => {
      this.live.delete(operationId);
      if (outcome === "unknown") this.orphans.add(operationId);
      else this.orphans.delete(operationId);
      this.#continued.add(operationId);
      this.revision += 1;
      return { durable: this.isDurable, agent: this.run };
    });
  }

  heartbeat(managementNode: ManagementNode) {
    const { sequence } = managementNode;
    const sent = { name: "heartbeat", sequence, managementNode, args: [managementNode] } as const;
    return this.#travel(sent, () => ({ agent: this.run }));
  }

  depart(...args: Parameters<HostCalls["depart"]>) {
    return this.#travel({ name: "depart", sequence: undefined, args }, () => ({ agent: this.run }));
  }

  #applyList(sequence: number, list: readonly string[]): void {
    if (sequence <= this.#lastList) throw refusal("stale-list");
    this.#lastList = sequence;
    for (const [operationId, at] of this.live) {
      if (at < sequence && !list.includes(operationId)) this.live.delete(operationId);
    }
    for (const operationId of list) {
      if (!this.#continued.has(operationId)) this.live.set(operationId, sequence);
    }
  }

  #report(list: readonly string[] | undefined): Report {
    return {
      reportId: "r",
      host: { id: "h", bootId: "b" },
      agent: { storeId: this.run.storeId, epoch: this.run.epoch, version: "1" },
      observation: { startedAt: "", finishedAt: "", complete: true, problems: [] },
      skipRevision: this.revision,
      contentRevision: 1,
      absentMeans: "stopped",
      states: {},
      skipped: [],
      withheld: [],
      stops: {},
      ...(list === undefined ? {} : { claimsStored: this.isDurable }),
      ...this.says,
    };
  }

  async #travel<T>(sent: Sent, arrive: () => T): Promise<T> {
    this.sent.push(sent);
    const fate = this.#fatesOf(sent.name).shift();
    if (typeof fate === "object" && "error" in fate) throw fate.error;
    if (typeof fate === "object") await fate.held;
    const answer = arrive();
    if (fate === "answer-lost") throw unreachable;
    return answer;
  }

  #fatesOf(name: CallName): Fate[] {
    const known = this.#fates.get(name) ?? [];
    this.#fates.set(name, known);
    return known;
  }
}
