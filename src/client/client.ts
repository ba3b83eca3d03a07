// Typed calls of the agent's HTTP API. Every answer is checked against the schema that the agent
// itself is built from, as far as an agent of another version may be held to it (relaxed.ts).

import { Ajv, type ValidateFunction } from "ajv";
import type { Static, TSchema } from "typebox";
import { Agent as Dispatcher, errors, request } from "undici";
import { type ClaimBody, ClaimAnswer, ClaimList, ContinueAnswer } from "../http/schema/claims.ts";
import { Problem } from "../http/schema/problem.ts";
import { Report, type SyncBody } from "../http/schema/report.ts";
import { Status } from "../http/schema/status.ts";
import { AgentUnreachableError, ApiError } from "./errors.ts";
import { relaxed } from "./relaxed.ts";

export type { Report, SyncBody } from "../http/schema/report.ts";
export type { Status } from "../http/schema/status.ts";

export type AgentAddress =
  /** Path of the unix socket. */
  | { readonly socketPath: string }
  /** For example http://127.0.0.1:7171 */
  | { readonly origin: string };

export interface ClientOptions {
  /**
   * Limit on one call, milliseconds; 21 s by default. The agent answers within twice its
   * observation limit and half a second (2.5 s by default, 20.5 s at most), so only an agent that
   * hangs exceeds it.
   */
  readonly limitMs?: number;
}

const defaultLimitMs = 21_000;

export class VmsyncdClient implements AsyncDisposable {
  readonly #name: string;
  readonly #origin: string;
  readonly #limitMs: number;
  readonly #dispatcher: Dispatcher;
  readonly #ajv = new Ajv();
  readonly #validators = new Map<TSchema, ValidateFunction>();

  constructor(address: AgentAddress, options: ClientOptions = {}) {
    const isUnix = "socketPath" in address;
    this.#name = isUnix ? address.socketPath : address.origin;
    this.#origin = isUnix ? "http://vmsyncd" : address.origin;
    this.#limitMs = options.limitMs ?? defaultLimitMs;
    const connect = isUnix ? { socketPath: address.socketPath } : {};
    this.#dispatcher = new Dispatcher({ connect });
  }

  /** Sends a management node's list, if there is one, and gets a fresh report. */
  sync(body: SyncBody): Promise<Report> {
    return this.#call(Report, "POST", "/v1/sync", body);
  }

  /** A fresh report without a list. */
  report(options: { readonly include?: "libvirt" } = {}): Promise<Report> {
    const query = options.include === undefined ? "" : `?include=${options.include}`;
    return this.#call(Report, "GET", `/v1/report${query}`);
  }

  /** Makes or renews one claim. */
  claim(vmUuid: string, operationId: string, body: ClaimBody): Promise<ClaimAnswer> {
    return this.#call(ClaimAnswer, "PUT", claimPath(vmUuid, operationId), body);
  }

  /** Ends a claim; `owner` may be left out where only one management node has it. */
  continueClaim(vmUuid: string, operationId: string, owner?: string): Promise<ContinueAnswer> {
    const query = owner === undefined ? "" : `?managementNode=${encodeURIComponent(owner)}`;
    return this.#call(ContinueAnswer, "DELETE", `${claimPath(vmUuid, operationId)}${query}`);
  }

  /** All live claims. */
  claims(): Promise<ClaimList> {
    return this.#call(ClaimList, "GET", "/v1/claims");
  }

  /** How the agent is. */
  status(): Promise<Status> {
    return this.#call(Status, "GET", "/v1/status");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
  }

  async #call<T extends TSchema>(
    schema: T,
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: object,
  ): Promise<Static<T>> {
    const { status, value } = await this.#exchange(method, path, body);
    if (status === 200) return this.#checked(schema, value, `${method} ${path}`);
    throw new ApiError(this.#checked(Problem, value, `${method} ${path}`));
  }

  async #exchange(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body: object | undefined,
  ): Promise<{ status: number; value: unknown }> {
    let text: string;
    let status: number;
    try {
      const answer = await request(`${this.#origin}${path}`, {
        method,
        dispatcher: this.#dispatcher,
        signal: AbortSignal.timeout(this.#limitMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      status = answer.statusCode;
      text = await answer.body.text();
    } catch (error) {
      throw this.#unreachable(error as NodeJS.ErrnoException);
    }
    try {
      return { status, value: JSON.parse(text) };
    } catch (error) {
      throw this.#badAnswer(`status ${status} and a body that is not JSON`, error);
    }
  }

  #checked<T extends TSchema>(schema: T, value: unknown, what: string): Static<T> {
    const validate = this.#validatorOf(schema);
    if (validate(value)) return value as Static<T>;
    const cause = this.#ajv.errorsText(validate.errors, { dataVar: "answer" });
    throw this.#badAnswer(`to ${what}: ${cause}`);
  }

  #validatorOf(schema: TSchema): ValidateFunction {
    const known = this.#validators.get(schema);
    if (known !== undefined) return known;
    const validate = this.#ajv.compile(relaxed(schema));
    this.#validators.set(schema, validate);
    return validate;
  }

  #badAnswer(what: string, cause?: unknown): AgentUnreachableError {
    const text = `cannot understand the answer of ${this.#name}: ${what}; is it a vmsyncd of this version?`;
    return new AgentUnreachableError("bad-answer", text, { cause });
  }

  #unreachable(cause: NodeJS.ErrnoException): AgentUnreachableError {
    const name = this.#name;
    const options = { cause };
    if (cause.name === "TimeoutError") {
      const text = `cannot reach vmsyncd at ${name}: no answer within ${this.#limitMs} ms; it runs but hangs, see its log`;
      return new AgentUnreachableError("timeout", text, options);
    }
    if (cause.code === "EACCES" || cause.code === "EPERM") {
      const text = `cannot reach vmsyncd at ${name}: permission denied; run it as root or as a member of the socket's group`;
      return new AgentUnreachableError("permission-denied", text, options);
    }
    if (cause instanceof errors.HTTPParserError) return this.#badAnswer("it is not HTTP", cause);
    const text = `cannot reach vmsyncd at ${name}: ${reasonOf(cause)}; is it running, and is this its address?`;
    return new AgentUnreachableError("not-running", text, options);
  }
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

function claimPath(vmUuid: string, operationId: string): string {
  return `/v1/claims/${encodeURIComponent(vmUuid)}/${encodeURIComponent(operationId)}`;
}
