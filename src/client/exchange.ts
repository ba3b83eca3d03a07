// How a question gets to the agent and its answer back. The client asks no more of it, so that a
// simulation can put its own network in the place of undici.

import { Agent as Dispatcher, errors, request } from "undici";
import { AgentUnreachableError, badAnswer } from "./errors.ts";

export type ExchangeMethod = "GET" | "POST" | "PUT" | "DELETE";

export interface ExchangeOptions {
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How much later than others its answer may come, milliseconds. */
  readonly patienceMs?: number;
}

export interface ExchangeAnswer {
  readonly status: number;
  /** Undefined: it has no body. */
  readonly value: unknown;
  /** Names in lower case; absent: there are none. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

/**
 * Sends one request and gives status and body of its answer, whatever the status.
 *
 * @param path with its query, escaped
 * @param body absent: none is sent
 * @throws AgentUnreachableError if no answer could be had
 */
export type Exchange = (
  method: ExchangeMethod,
  path: string,
  body?: object,
  options?: ExchangeOptions,
) => Promise<ExchangeAnswer>;

/**
 * Opens a stream with a GET.
 *
 * @param silenceMs silence after which the other side counts as gone, milliseconds
 * @throws AgentUnreachableError also while it is read
 */
export type OpenStream = (
  path: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  silenceMs: number,
) => Promise<{ readonly status: number; readonly chunks: AsyncIterable<Uint8Array> }>;

export type AgentAddress =
  /** Path of the unix socket. */
  | { readonly socketPath: string }
  /** For example http://127.0.0.1:7171 */
  | { readonly origin: string };

/** What an address is called in errors. */
export function addressName(address: AgentAddress): string {
  return "socketPath" in address ? address.socketPath : address.origin;
}

export interface HttpExchange extends AsyncDisposable {
  readonly exchange: Exchange;
  readonly openStream: OpenStream;
}

/**
 * An exchange over HTTP.
 *
 * @param limitMs limit on one call, milliseconds
 */
export function httpExchange(address: AgentAddress, limitMs: number): HttpExchange {
  const name = addressName(address);
  const isUnix = "socketPath" in address;
  const origin = isUnix ? "http://vmsyncd" : address.origin;
  const connect = isUnix ? { socketPath: address.socketPath } : {};
  const dispatcher = new Dispatcher({ connect });
  const exchange: Exchange = async (method, path, body, options = {}) => {
    const { headers = {}, patienceMs = 0 } = options;
    let text: string;
    let status: number;
    let answered: Readonly<Record<string, unknown>>;
    try {
      const answer = await request(`${origin}${path}`, {
        method,
        dispatcher,
        signal: AbortSignal.timeout(limitMs + patienceMs),
        ...(body === undefined
          ? { headers }
          : {
              body: JSON.stringify(body),
              headers: { ...headers, "content-type": "application/json" },
            }),
      });
      status = answer.statusCode;
      answered = answer.headers;
      text = await answer.body.text();
    } catch (error) {
      throw unreachable(name, limitMs + patienceMs, error as NodeJS.ErrnoException);
    }
    if (status === notModified) return { status, value: undefined, headers: answered };
    try {
      return { status, value: JSON.parse(text), headers: answered };
    } catch (error) {
      throw badAnswer(name, `status ${status} and a body that is not JSON`, error);
    }
  };
  const openStream: OpenStream = async (path, headers, signal, silenceMs) => {
    const failed = (error: unknown): AgentUnreachableError =>
      unreachable(name, silenceMs, error as NodeJS.ErrnoException);
    try {
      const limits = { headersTimeout: limitMs, bodyTimeout: silenceMs };
      const options = { method: "GET", dispatcher, headers, signal, ...limits } as const;
      const { statusCode, body } = await request(`${origin}${path}`, options);
      return { status: statusCode, chunks: readFrom(body, failed) };
    } catch (error) {
      throw failed(error);
    }
  };
  return { exchange, openStream, [Symbol.asyncDispose]: () => dispatcher.close() };
}

const notModified = 304;

async function* readFrom(
  body: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => Error,
): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw failed(error);
  }
}

function unreachable(
  name: string,
  limitMs: number,
  cause: NodeJS.ErrnoException,
): AgentUnreachableError {
  const options = { cause };
  if (cause.name === "TimeoutError" || cause instanceof errors.BodyTimeoutError) {
    const text = `cannot reach vmsyncd at ${name}: no answer within ${limitMs} ms; it runs but hangs, see its log`;
    return new AgentUnreachableError("timeout", text, options);
  }
  if (cause.code === "EACCES" || cause.code === "EPERM") {
    const text = `cannot reach vmsyncd at ${name}: permission denied; run it as root or as a member of the socket's group`;
    return new AgentUnreachableError("permission-denied", text, options);
  }
  if (cause instanceof errors.HTTPParserError) return badAnswer(name, "it is not HTTP", cause);
  const text = `cannot reach vmsyncd at ${name}: ${reasonOf(cause)}; is it running, and is this its address?`;
  return new AgentUnreachableError("not-running", text, options);
}

function reasonOf(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case "ENOENT":
      return "there is no such socket";
    case "ECONNREFUSED":
      return "nothing listens there";
    default:
      return cause.message;
  }
}
