// Typed calls of the agent's HTTP API.

import type { Static, TSchema } from "../schema.ts";
import { EndAmnesiaAnswer } from "../http/schema/amnesia.ts";
import {
  type ClaimBody,
  ClaimAnswer,
  ClaimList,
  ContinueAnswer,
  type OperatorClaimBody,
} from "../http/schema/claims.ts";
import type { ManagementNode } from "../http/schema/common.ts";
import { Explanation } from "../http/schema/explain.ts";
import { History } from "../http/schema/history.ts";
import {
  DepartAnswer,
  HeartbeatAnswer,
  NodeList,
  NodeStatus,
} from "../http/schema/management-nodes.ts";
import { Problem } from "../http/schema/problem.ts";
import { Report, type SyncBody } from "../http/schema/report.ts";
import { Status } from "../http/schema/status.ts";
import { checkAnswer } from "./answer-check.ts";
import { ApiError, badAnswer } from "./errors.ts";
import { type AgentEvent, type EventsOptions, readEvents } from "./events.ts";
import {
  type AgentAddress,
  addressName,
  type Exchange,
  type ExchangeAnswer,
  type ExchangeMethod,
  httpExchange,
  type OpenStream,
} from "./exchange.ts";
import { type PolledReport, type PollOptions, polledReport } from "./polled-report.ts";

export type { EndAmnesiaAnswer } from "../http/schema/amnesia.ts";
export type {
  Claim,
  ClaimAnswer,
  ClaimBody,
  ClaimList,
  ContinueAnswer,
  OperatorClaimBody,
} from "../http/schema/claims.ts";
export type { ManagementNode } from "../http/schema/common.ts";
export type { Explanation } from "../http/schema/explain.ts";
export type { History } from "../http/schema/history.ts";
export type {
  DepartAnswer,
  HeartbeatAnswer,
  NodeList,
  NodeStatus,
} from "../http/schema/management-nodes.ts";
export type { Report, SyncBody } from "../http/schema/report.ts";
export type { Status } from "../http/schema/status.ts";
export type { AgentEvent, EventsOptions } from "./events.ts";
export type { AgentAddress, Exchange } from "./exchange.ts";
export type { PolledReport, PollOptions } from "./polled-report.ts";

/** Another way to the agent than HTTP. */
export interface OwnExchange {
  readonly exchange: Exchange;
  /** What the agent is called in errors; "the agent" by default. */
  readonly name?: string;
}

export interface ClientOptions {
  /**
   * Limit on one call over HTTP, milliseconds; 21 s by default. The agent answers within twice its
   * observation limit and half a second (2.5 s by default, 20.5 s at most), so only an agent that
   * hangs exceeds it.
   */
  readonly limitMs?: number;
}

const defaultLimitMs = 21_000;

/** Who asks for a continue: a management node, or "operator". */
export interface Caller {
  readonly id: string;
  readonly epoch?: number | undefined;
  readonly sequence?: number | undefined;
}

export interface ContinueOptions {
  /** Whose claim; absent: the caller's own, else that of the only one who has it. */
  readonly owner?: string | undefined;
  readonly caller?: Caller | undefined;
  /** "unknown": the operation may still run, and the claim becomes an orphan instead of ending. */
  readonly outcome?: "unknown" | undefined;
}

export interface ContinueVmOptions {
  readonly caller?: Caller | undefined;
  /** Ends the orphans of others too. */
  readonly orphans?: boolean | undefined;
}

export interface ClaimFilter {
  readonly vmUuid?: string | undefined;
  readonly managementNode?: string | undefined;
}

export interface HistoryFilter extends ClaimFilter {
  /** Only entries with a lower id: `next` of the page before. */
  readonly before?: number | undefined;
  /** At most so many, 1 to 1000; 100 by default. */
  readonly limit?: number | undefined;
}

/** Every call throws ApiError if the agent refuses, AgentUnreachableError if there is no answer. */
export class VmsyncdClient implements AsyncDisposable {
  readonly #name: string;
  readonly #exchange: Exchange;
  readonly #openStream: OpenStream | undefined;
  readonly #close: () => PromiseLike<void>;

  constructor(agent: AgentAddress | OwnExchange, options: ClientOptions = {}) {
    if ("exchange" in agent) {
      this.#name = agent.name ?? "the agent";
      this.#exchange = agent.exchange;
      this.#close = async () => {};
      return;
    }
    const http = httpExchange(agent, options.limitMs ?? defaultLimitMs);
    this.#name = addressName(agent);
    this.#exchange = http.exchange;
    this.#openStream = http.openStream;
    this.#close = () => http[Symbol.asyncDispose]();
  }

  /** Sends a management node's list, if there is one, and gets a fresh report. */
  sync(body: SyncBody): Promise<Report> {
    return this.#call(Report, "POST", "/v1/sync", body);
  }

  /** A fresh report without a list. */
  report(options?: { readonly include?: "libvirt" | undefined }): Promise<Report>;
  /** A report if it says something else than the last one, of which the tag is known. */
  report(options: PollOptions): Promise<PolledReport>;
  async report(options: Partial<PollOptions> = {}): Promise<Report | PolledReport> {
    const { include, ifNoneMatch, waitSeconds } = options;
    const path = `/v1/report${queryText({ include, wait: waitSeconds })}`;
    if (!("ifNoneMatch" in options)) return await this.#call(Report, "GET", path);
    const answer = await this.#exchange("GET", path, undefined, {
      headers: ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch },
      patienceMs: (waitSeconds ?? 0) * 1000,
    });
    const isSame = answer.status === 304;
    const polled = polledReport(answer, isSame ? undefined : this.#answer(Report, answer, path));
    if (polled === undefined)
      throw badAnswer(this.#name, `to GET ${path}: its headers are missing`);
    return polled;
  }

  /** What happens, as it happens: one connection, until it breaks or is ended. */
  events(options: EventsOptions = {}): AsyncGenerator<AgentEvent, void> {
    const open = this.#openStream;
    if (open === undefined)
      throw new Error(`cannot follow events: no stream leads to ${this.#name}`);
    const query = queryText({ vm: options.vmUuid, kinds: options.kinds?.join(",") });
    return readEvents(open, this.#name, `/v1/events${query}`, options);
  }

  /** Makes or renews one claim. Once it resolves, the claim survives a power loss. */
  claim(vmUuid: string, operationId: string, body: ClaimBody): Promise<ClaimAnswer> {
    return this.#call(ClaimAnswer, "PUT", claimPath(vmUuid, operationId), body);
  }

  /** Makes a claim of no management node: an orphan with a TTL from the start. */
  claimAsOperator(
    vmUuid: string,
    operationId: string,
    body: OperatorClaimBody,
  ): Promise<ClaimAnswer> {
    const path = claimPath(vmUuid, operationId);
    return this.#call(ClaimAnswer, "PUT", path, { operator: true, ...body });
  }

  /** Ends a claim; one that is not there is no error. */
  continueClaim(
    vmUuid: string,
    operationId: string,
    options: ContinueOptions = {},
  ): Promise<ContinueAnswer> {
    const { owner: managementNode, caller, outcome } = options;
    const query = queryText({ managementNode, ...callerQuery(caller), outcome });
    return this.#call(ContinueAnswer, "DELETE", `${claimPath(vmUuid, operationId)}${query}`);
  }

  /** Ends the caller's claims on a VM, and with `orphans` the orphaned ones of others. */
  continueVm(vmUuid: string, options: ContinueVmOptions = {}): Promise<ContinueAnswer> {
    const { caller, orphans } = options;
    const query = queryText({ ...callerQuery(caller), orphans });
    const path = `/v1/claims/${encodeURIComponent(vmUuid)}${query}`;
    return this.#call(ContinueAnswer, "DELETE", path);
  }

  /** The live claims. */
  claims(filter: ClaimFilter = {}): Promise<ClaimList> {
    const { vmUuid, managementNode } = filter;
    return this.#call(ClaimList, "GET", `/v1/claims${queryText({ vmUuid, managementNode })}`);
  }

  /** Says that a management node is alive, which renews its lease. */
  heartbeat(managementNode: ManagementNode): Promise<HeartbeatAnswer> {
    return this.#call(HeartbeatAnswer, "PUT", nodePath(managementNode.id), { managementNode });
  }

  /** All management nodes, those expected and those heard. */
  managementNodes(): Promise<NodeList> {
    return this.#call(NodeList, "GET", "/v1/management-nodes");
  }

  /** One management node; ApiError "not-found" if it was neither expected nor heard. */
  managementNode(id: string): Promise<NodeStatus> {
    return this.#call(NodeStatus, "GET", nodePath(id));
  }

  /** Says that a management node's process is gone: its claims become orphans. */
  depart(id: string, epoch: number, caller?: string): Promise<DepartAnswer> {
    const path = `${nodePath(id)}${queryText({ epoch, caller })}`;
    return this.#call(DepartAnswer, "DELETE", path);
  }

  /** Ends amnesia: whoever asks knows that no claim was lost. */
  endAmnesia(caller?: string): Promise<EndAmnesiaAnswer> {
    return this.#call(EndAmnesiaAnswer, "DELETE", `/v1/amnesia${queryText({ caller })}`);
  }

  /** What happened to claims and management nodes, newest first. */
  history(filter: HistoryFilter = {}): Promise<History> {
    const { vmUuid, managementNode, before, limit } = filter;
    const query = queryText({ vmUuid, managementNode, before, limit });
    return this.#call(History, "GET", `/v1/history${query}`);
  }

  /** Why a report says of a VM what it says; looks at the host now. */
  explain(vmUuid: string): Promise<Explanation> {
    return this.#call(Explanation, "GET", `/v1/explain/${encodeURIComponent(vmUuid)}`);
  }

  /** How the agent is. */
  status(): Promise<Status> {
    return this.#call(Status, "GET", "/v1/status");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #call<T extends TSchema>(
    schema: T,
    method: ExchangeMethod,
    path: string,
    body?: object,
  ): Promise<Static<T>> {
    return this.#answer(schema, await this.#exchange(method, path, body), path, method);
  }

  #answer<T extends TSchema>(
    schema: T,
    { status, value }: ExchangeAnswer,
    path: string,
    method: ExchangeMethod = "GET",
  ): Static<T> {
    if (status === 200) return this.#checked(schema, value, `${method} ${path}`);
    throw new ApiError(this.#checked(Problem, value, `${method} ${path}`));
  }

  #checked<T extends TSchema>(schema: T, value: unknown, what: string): Static<T> {
    const checked = checkAnswer(schema, value);
    if ("mistake" in checked) throw badAnswer(this.#name, `to ${what}: ${checked.mistake}`);
    return checked.value;
  }
}

function callerQuery(caller: Caller | undefined) {
  return { caller: caller?.id, callerEpoch: caller?.epoch, callerSequence: caller?.sequence };
}

/** A query of the parameters that are there. */
function queryText(parameters: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => {
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function claimPath(vmUuid: string, operationId: string): string {
  return `/v1/claims/${encodeURIComponent(vmUuid)}/${encodeURIComponent(operationId)}`;
}

function nodePath(id: string): string {
  return `/v1/management-nodes/${encodeURIComponent(id)}`;
}
