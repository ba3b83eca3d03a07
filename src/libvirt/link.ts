// The link keeps one connection to libvirt: it connects again with back-off and jitter after every
// death, and connects at once when someone needs it.
//
// INVARIANT: at most one attempt to connect is under way, and at most one connection is open.

import { LibvirtClient, type LibvirtClientOptions } from "./client.ts";
import { LibvirtConnectionError, type LibvirtError } from "./errors.ts";
import type { SocketDiscovery } from "./socket-discovery.ts";

/** Waits between attempts to connect: they double from the first to the longest. */
export interface BackOff {
  /** Before the second attempt; each wait is cut by up to half, at random. */
  readonly firstMs: number;
  /** Longest wait; a connection that held for as long sets the waits back to the first. */
  readonly maxMs: number;
}

export interface LinkOptions extends LibvirtClientOptions {
  readonly backOff?: BackOff;
  /** Least time between two attempts that were asked for by `client()`. */
  readonly demandIntervalMs?: number;
  /** Called at each change between up and down. */
  readonly onChange?: (state: LinkState) => void;
  /** Source of the jitter, in [0, 1). */
  readonly random?: () => number;
}

export type LinkState =
  | { readonly up: true; readonly socket: string; readonly sinceMs: number }
  | {
      readonly up: false;
      readonly cause: LibvirtConnectionError | LibvirtError;
      readonly sinceMs: number;
    };

const defaultBackOff: BackOff = { firstMs: 200, maxMs: 5_000 };
const defaultDemandIntervalMs = 200;

/**
 * Keeps one connection to libvirt alive, from `start` to `stop`. Every death is followed by a new
 * attempt after the back-off; whoever asks for the client has one made at once.
 */
export class LibvirtLink {
  readonly #discovery: SocketDiscovery;
  readonly #options: LinkOptions;
  readonly #backOff: BackOff;
  #state: LinkState;
  #client: LibvirtClient | undefined;
  #attempt: Promise<LibvirtClient> | undefined;
  #abort = new AbortController();
  #attemptedAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(discovery: SocketDiscovery, options: LinkOptions) {
    this.#discovery = discovery;
    this.#options = options;
    this.#backOff = options.backOff ?? defaultBackOff;
    const cause = new LibvirtConnectionError("closed", "cannot reach libvirt: not connected yet");
    this.#state = { up: false, cause, sinceMs: performance.now() };
  }

  /** Up or down, since when (`performance.now()`), and why it is down. */
  get state(): LinkState {
    return this.#state;
  }

  /** Begins to connect, unless that was done; never waits and never fails. */
  start(): void {
    if (this.#client !== undefined || this.#attempt !== undefined) return;
    this.#connect().catch(() => {});
  }

  /**
   * The open connection; connects now if there is none and the last attempt is not too recent.
   *
   * @throws the cause for which libvirt cannot be reached; how long it takes is bounded by the
   *   limits on connecting, a caller in a hurry waits for less
   */
  async client(): Promise<LibvirtClient> {
    if (this.#client !== undefined) return this.#client;
    if (this.#attempt !== undefined) return this.#attempt;
    const interval = this.#options.demandIntervalMs ?? defaultDemandIntervalMs;
    const isTooSoon = performance.now() - this.#attemptedAtMs < interval;
    if (isTooSoon && !this.#state.up) throw this.#state.cause;
    return this.#connect();
  }

  /** Closes the connection and stops connecting, also in the middle of an attempt. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#client?.close();
    this.#abort.abort();
  }

  #connect(): Promise<LibvirtClient> {
    clearTimeout(this.#retry);
    this.#attemptedAtMs = performance.now();
    // One for each attempt: a signal keeps every socket that it was given to.
    this.#abort = new AbortController();
    // Not in #open: it can fail before it returns, and the failed attempt would be kept for good.
    const attempt = this.#open(this.#abort.signal).finally(() => {
      this.#attempt = undefined;
    });
    this.#attempt = attempt;
    return attempt;
  }

  async #open(signal: AbortSignal): Promise<LibvirtClient> {
    try {
      if (this.#stopped) {
        throw new LibvirtConnectionError("closed", "cannot reach libvirt: the link was stopped");
      }
      const socket = this.#discovery.find();
      const client = await LibvirtClient.connect(socket, this.#options, signal);
      this.#opened(client, socket);
      return client;
    } catch (error) {
      this.#failed(error as LibvirtConnectionError | LibvirtError);
      throw error;
    }
  }

  #opened(client: LibvirtClient, socket: string): void {
    this.#discovery.keep(socket);
    this.#client = client;
    const sinceMs = performance.now();
    this.#change({ up: true, socket, sinceMs });
    void client.closed.then((cause) => {
      this.#client = undefined;
      // A daemon that lets us in and drops us at once would otherwise be asked without a pause.
      if (performance.now() - sinceMs >= this.#backOff.maxMs) this.#failures = 0;
      this.#failed(cause);
    });
    if (this.#stopped) client.close();
  }

  #failed(cause: LibvirtConnectionError | LibvirtError): void {
    const sinceMs = this.#state.up ? performance.now() : this.#state.sinceMs;
    this.#change({ up: false, cause, sinceMs });
    if (this.#stopped) return;
    const { firstMs, maxMs } = this.#backOff;
    const random = (this.#options.random ?? Math.random)();
    // Half fixed, half random: many hosts whose libvirt restarts do not come back in step.
    const waitMs = Math.min(maxMs, firstMs * 2 ** this.#failures) * (0.5 + random / 2);
    this.#failures = Math.min(this.#failures + 1, 16);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.start(), waitMs);
  }

  #change(state: LinkState): void {
    const previous = this.#state;
    this.#state = state;
    const isNews =
      previous.up !== state.up ||
      (!previous.up && !state.up && previous.cause.message !== state.cause.message);
    if (isNews && !this.#stopped) this.#options.onChange?.(state);
  }
}
