// What a route is: data, so that fastify serves the same table as a simulation does.

import type { Static, TSchema } from "../schema.ts";
import type { Agent } from "../agent/agent.ts";
import type { EventStream } from "./event-stream.ts";
import { ProblemError } from "./problem.ts";
import { NoQuery } from "./schema/common.ts";

/** A request whose parts the schemas of its route have accepted. */
export interface RouteRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Names in lower case. */
  readonly headers: RequestHeaders;
  /** Takes what is to be called when who asks goes away before it is answered, or is answered. */
  readonly onGone: (leave: () => void) => void;
  /** Begins a stream in the place of an answer; undefined: there is no network to stream over. */
  readonly openStream?: (() => EventStream) | undefined;
}

export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What an answer has beside its body. */
export interface AnswerHead {
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body as JSON, where it can be had for less than it takes to serialise it. */
  readonly text?: () => string;
}

/**
 * Sends an answer with status 200, or without a body 304, before it returns; it waits for nothing
 * (G1).
 */
export type SendAnswer<Answer = unknown> = (body: Answer | undefined, head?: AnswerHead) => void;

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Parameters are segments of their own, written `:name`. */
  readonly path: string;
  /** Absent: JSON. A stream sends `answer` again and again, and ends when either side goes away. */
  readonly produces?: "text/event-stream";
  readonly schemas: {
    readonly params?: TSchema;
    readonly query: TSchema;
    readonly body?: TSchema;
    readonly answer: TSchema;
  };
  /**
   * Asks the agent, and sends its answer.
   *
   * @throws ProblemError to refuse the request
   */
  readonly handle: (agent: Agent, request: RouteRequest, send: SendAnswer) => Promise<void> | void;
}

interface RouteDefinition<
  Params extends TSchema,
  Query extends TSchema,
  Body extends TSchema,
  Answer extends TSchema,
> {
  readonly method: Route["method"];
  readonly path: string;
  readonly produces?: "text/event-stream";
  readonly schemas: {
    readonly params?: Params;
    /** Absent: the route has no parameters, and refuses any. */
    readonly query?: Query;
    readonly body?: Body;
    readonly answer: Answer;
  };
  readonly handle: (
    agent: Agent,
    request: RouteRequest<Static<Params>, Static<Query>, Static<Body>>,
    send: SendAnswer<Static<Answer>>,
  ) => Promise<void> | void;
}

/** A route whose handler is typed by its schemas. */
export function route<
  Params extends TSchema,
  Query extends TSchema,
  Body extends TSchema,
  Answer extends TSchema,
>(definition: RouteDefinition<Params, Query, Body, Answer>): Route {
  const { schemas } = definition;
  // Whoever serves it validates first, so what the handler gets is what its schemas say.
  return { ...definition, schemas: { query: NoQuery, ...schemas } } as Route;
}

/**
 * Refuses a body that the route would not read. A continue without an owner may end another node's
 * claim, so a body that tries to name the owner must not be passed over.
 *
 * @throws ProblemError
 */
export function refuseUnreadBody(bodySchema: unknown, body: unknown): void {
  if (body === undefined || bodySchema !== undefined) return;
  const detail = "cannot accept a body here: say it in the address";
  throw new ProblemError("invalid-request", detail, { field: "", in: "body" });
}
