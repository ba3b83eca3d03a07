// The HTTP application over a real agent with a fake observer. Every answer that passes through
// here is checked: its media type, and its schema.

import { Ajv } from "ajv";
import type { FastifyInstance, InjectOptions } from "fastify";
import type { TSchema } from "../../src/schema.ts";
import { Agent } from "../../src/agent/agent.ts";
import type { Past } from "../../src/agent/start.ts";
import type { Instant } from "../../src/core/instant.ts";
import type { Policy } from "../../src/core/policy.ts";
import { buildApp } from "../../src/http/app.ts";
import type { StreamLimits } from "../../src/http/event-stream.ts";
import { EndAmnesiaAnswer } from "../../src/http/schema/amnesia.ts";
import { ClaimAnswer, ClaimList, ContinueAnswer } from "../../src/http/schema/claims.ts";
import { History } from "../../src/http/schema/history.ts";
import {
  DepartAnswer,
  HeartbeatAnswer,
  NodeList,
  NodeStatus,
} from "../../src/http/schema/management-nodes.ts";
import { Explanation } from "../../src/http/schema/explain.ts";
import { Problem } from "../../src/http/schema/problem.ts";
import { Report } from "../../src/http/schema/report.ts";
import { Status } from "../../src/http/schema/status.ts";
import { emptyPast, MemoryStore } from "../agent/memory-store.ts";
import { FakeObserver, now } from "./fake-observer.ts";

export const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
export const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

export const node = (sequence = 1, id = "mn-1") => ({ id, epoch: 1, instance: "i", sequence });
export const entry = (vmUuid = vm, operationId = "start-1") => {
  return { vmUuid, operationId, reason: "start" };
};
export const claimBody = (sequence = 1, id = "mn-1") => {
  return { managementNode: node(sequence, id), reason: "start" };
};
export const claimUrl = (operationId = "start-1", vmUuid = vm): string => {
  return `/v1/claims/${vmUuid}/${encodeURIComponent(operationId)}`;
};

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const ajv = new Ajv();
const answerSchemas: readonly (readonly [string, RegExp, TSchema])[] = [
  ["POST", /^\/v1\/sync$/, Report],
  ["GET", /^\/v1\/report$/, Report],
  ["PUT", /^\/v1\/claims\/[^/]*\/[^/]*$/, ClaimAnswer],
  ["DELETE", /^\/v1\/claims\/[^/]*(\/[^/]*)?$/, ContinueAnswer],
  ["GET", /^\/v1\/claims$/, ClaimList],
  ["PUT", /^\/v1\/management-nodes\/[^/]*$/, HeartbeatAnswer],
  ["GET", /^\/v1\/management-nodes$/, NodeList],
  ["GET", /^\/v1\/management-nodes\/[^/]*$/, NodeStatus],
  ["DELETE", /^\/v1\/management-nodes\/[^/]*$/, DepartAnswer],
  ["DELETE", /^\/v1\/amnesia$/, EndAmnesiaAnswer],
  ["GET", /^\/v1\/history$/, History],
  ["GET", /^\/v1\/status$/, Status],
  ["GET", /^\/v1\/explain\/[^/]*$/, Explanation],
];

/** Fails unless an answer has the media type and the shape that its route promises. */
export function checkAnswer(
  method: string,
  url: string,
  answer: { status: number; contentType: unknown; body: unknown },
): void {
  const [path = ""] = url.split("?");
  const isProblem = answer.status !== 200;
  const expected = answerSchemas.find(([verb, route]) => verb === method && route.test(path));
  const schema = isProblem ? Problem : expected?.[2];
  if (schema === undefined) throw new Error(`no schema is known for ${method} ${path}`);
  const type = `application/${isProblem ? "problem+json" : "json"}; charset=utf-8`;
  if (answer.contentType !== type) {
    throw new Error(`${method} ${path}: content-type ${String(answer.contentType)}, not ${type}`);
  }
  if (!ajv.validate(schema, answer.body)) {
    throw new Error(`${method} ${path}: ${ajv.errorsText(undefined, { dataVar: "answer" })}`);
  }
  const { status } = answer.body as { status?: unknown };
  if (isProblem && status !== answer.status) {
    throw new Error(
      `${method} ${path}: status ${answer.status}, but ${String(status)} in the body`,
    );
  }
}

/** How long silence and waiting are, where no test needs another. */
const policy: Policy = {
  leaseSeconds: 180,
  leaseSecondsMax: 600,
  orphanTtlSeconds: 600,
  claimAgeWarningSeconds: 3600,
  managementNodes: ["mn-9"],
};

/** A clock that goes on by itself or stands, and goes further when a test says so. */
class LeapingClock {
  readonly #now: () => Instant;
  #leapMs = 0;

  constructor(base: () => Instant) {
    this.#now = base;
  }

  now(): Instant {
    const { ms, wallMs } = this.#now();
    return { ms: ms + this.#leapMs, wallMs: wallMs + this.#leapMs };
  }

  leap(seconds: number): void {
    this.#leapMs += seconds * 1000;
  }
}

export class Api implements AsyncDisposable {
  readonly observer: FakeObserver;
  readonly store: MemoryStore;
  readonly clock: LeapingClock;
  readonly agent: Agent;
  readonly app: FastifyInstance;
  /** What the log was told of errors that nobody foresaw. */
  readonly errors: Error[] = [];

  private constructor(
    parts: Pick<Api, "observer" | "store" | "clock" | "agent">,
    streams: StreamLimits | undefined,
  ) {
    this.observer = parts.observer;
    this.store = parts.store;
    this.clock = parts.clock;
    this.agent = parts.agent;
    this.app = buildApp({
      agent: this.agent,
      onError: (error) => this.errors.push(error),
      ...(streams && { streams }),
    });
  }

  /**
   * @param past what the store held; an intact one without claims by default
   * @param base what the clock goes by; that of this process by default
   */
  static async start(
    past: Past = emptyPast("boot-1"),
    base: () => Instant = now,
    streams?: StreamLimits,
  ): Promise<Api> {
    const clock = new LeapingClock(base);
    const observer = new FakeObserver(() => clock.now());
    const store = new MemoryStore();
    const counts = { bulkCalls: 0, domainEvents: 0, abandonedCalls: 0, abandonedCallsTotal: 0 };
    const up = { up: true, socket: "/run/libvirt/sock", since: clock.now(), counts } as const;
    let reports = 0;
    const agent = await Agent.start(
      {
        clock,
        observer,
        store,
        libvirt: { status: () => up },
        log: { info: () => {}, warn: () => {} },
        soon: queueMicrotask,
        newId: () => `report-${(reports += 1)}`,
      },
      { host: { id: "host-1", bootId: "boot-1" }, version: "0" },
      policy,
      past,
    );
    const api = new Api({ observer, store, clock, agent }, streams);
    await api.app.ready();
    return api;
  }

  /** Sends any request; checks the answer. */
  async send(request: InjectOptions & { url: string }): Promise<Answer> {
    const answer = await this.app.inject(request);
    const { statusCode: status } = answer;
    const body: unknown = answer.json();
    const contentType = answer.headers["content-type"];
    const { method = "GET", url } = request;
    checkAnswer(method, url, { status, contentType, body });
    return { status, body };
  }

  /** Sends a request and gives the body of its answer, which has to be 200. */
  async ok<T>(method: "GET" | "POST" | "PUT" | "DELETE", url: string, payload?: object) {
    const { status, body } = await this.send({ method, url, ...(payload && { payload }) });
    if (status !== 200) throw new Error(`${method} ${url}: ${JSON.stringify(body)}`);
    return body as T;
  }

  sync(body: object): Promise<Report> {
    return this.ok<Report>("POST", "/v1/sync", body);
  }

  claim(operationId = "start-1", sequence = 1, id = "mn-1"): Promise<ClaimAnswer> {
    return this.ok<ClaimAnswer>("PUT", claimUrl(operationId), claimBody(sequence, id));
  }

  continueClaim(operationId = "start-1", owner?: string): Promise<ContinueAnswer> {
    const query = owner === undefined ? "" : `?managementNode=${encodeURIComponent(owner)}`;
    return this.ok<ContinueAnswer>("DELETE", `${claimUrl(operationId)}${query}`);
  }

  claims(): Promise<ClaimList> {
    return this.ok<ClaimList>("GET", "/v1/claims");
  }

  /** What a refused request must leave as it is. */
  state(): unknown {
    const { skipRevision, managementNodes } = this.agent.status();
    return structuredClone({ skipRevision, managementNodes, claims: this.agent.claims() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
  }
}
