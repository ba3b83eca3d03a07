// The routes, served without a network: for a simulation that needs the semantics of HTTP, thousands
// of times a second. Same table, same validators, same refusals as app.ts; what is missing is what a
// network does (bytes, sizes, media types, streams). Only promises: no timer, no I/O.

import type { Agent } from "../agent/agent.ts";
import { demandDecodable, parseQuery, pathParameterCharactersMax, queryOf } from "./address.ts";
import {
  internalProblem,
  malformedPath,
  noSuchRoute,
  type Part,
  pathTooLong,
  ProblemError,
  validationProblem,
} from "./problem.ts";
import { type AnswerHead, type RequestHeaders, type Route, refuseUnreadBody } from "./route.ts";
import { routes } from "./routes.ts";
import { validatorOf } from "./validators.ts";

export interface DispatchedAnswer {
  readonly status: number;
  /** Undefined: it has none. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Answers one request.
 *
 * @param url path and query, escaped
 * @param body what its JSON says; undefined: none was sent
 * @param send called once with the answer, in the very turn in which a report was filtered (G1)
 * @param headers of the request, names in lower case
 * @returns what was sent
 */
export type Dispatch = (
  method: string,
  url: string,
  body?: unknown,
  send?: (status: number, body: unknown, headers?: DispatchedAnswer["headers"]) => void,
  headers?: RequestHeaders,
) => Promise<DispatchedAnswer>;

/**
 * Serves the routes of an agent. Values are handed over as they are: neither side may change them.
 *
 * @param onError told of errors that nobody foresaw, which are answered with 500; without it they
 *   reject
 */
export function dispatcher(agent: Agent, onError?: (error: Error) => void): Dispatch {
  return async (method, url, body, send, headers = {}) => {
    let sent: DispatchedAnswer | undefined;
    const answer = (status: number, value: unknown, head?: AnswerHead): void => {
      const also = head?.headers === undefined ? {} : { headers: head.headers };
      sent = { status, body: value, ...also };
      send?.(status, value, head?.headers);
    };
    let path = "the request";
    try {
      demandDecodable(queryOf(url));
      const found = find(method, url);
      path = found.route.path;
      // Whoever asks stays, for all that is known here.
      const request = { ...validated(found, url, body), headers, onGone: () => {} };
      await found.route.handle(agent, request, (value, head) => {
        answer(value === undefined ? 304 : 200, value, head);
      });
    } catch (error) {
      if (sent !== undefined) throw error;
      if (!(error instanceof ProblemError)) {
        if (onError === undefined) throw error;
        onError(error as Error);
      }
      const { problem } = error instanceof ProblemError ? error : internalProblem(method, path);
      answer(problem.status, problem);
    }
    if (sent === undefined) throw new Error(`cannot answer ${method} ${path}: it sent nothing`);
    return sent;
  };
}

interface FoundRoute {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface SplitRoute {
  readonly route: Route;
  readonly segments: readonly string[];
}

const splitRoutes: readonly SplitRoute[] = routes.map((route) => {
  return { route, segments: route.path.split("/") };
});

function find(method: string, url: string): FoundRoute {
  const [path = ""] = url.split("?", 1);
  const segments = path.split("/").map(decoded);
  for (const { route, segments: pattern } of splitRoutes) {
    if (route.method !== method || pattern.length !== segments.length) continue;
    const params = match(pattern, segments);
    if (params !== undefined) return { route, params };
  }
  throw noSuchRoute(method, url);
}

function decoded(segment: string): string {
  if (segment.length > pathParameterCharactersMax) throw pathTooLong();
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw malformedPath();
  }
}

/** The parameters; undefined if it is another route's address. */
function match(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? "";
    if (expected.startsWith(":")) params[expected.slice(1)] = segment;
    else if (expected !== segment) return undefined;
  }
  return params;
}

/** In the order in which fastify does it, so that of two mistakes both name the same one. */
function validated({ route, params }: FoundRoute, url: string, body: unknown) {
  const { schemas } = route;
  refuseUnreadBody(schemas.body, body);
  const query = parseQuery(queryOf(url));
  if (schemas.params !== undefined) demand(schemas.params, params, "path");
  if (schemas.body !== undefined) demand(schemas.body, body, "body");
  demand(schemas.query, query, "query");
  return { params, query, body };
}

function demand(schema: Route["schemas"]["answer"], value: unknown, part: Part): void {
  const validate = validatorOf(schema);
  if (!validate(value)) throw validationProblem(part, validate.errors);
}
