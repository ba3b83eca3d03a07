// The world of a session: hosts, a database, a clock that only the test moves.

import { ManagementNodeSession } from "../../../src/client/session/management-node-session.ts";
import type { OperationStatement } from "../../../src/client/session/operation.ts";
import type { SessionOptions } from "../../../src/client/session/options.ts";
import type { CurrentStores, SessionClock } from "../../../src/client/session/ports.ts";
import { FakeHost } from "./fake-host.ts";

export const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
export const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

/** An operation on `vm`, on hosts a and b unless it says otherwise. */
export function operation(said: Partial<OperationStatement> = {}): OperationStatement {
  return { vmUuid: vm, operationId: "op-1", reason: "start", hosts: ["a", "b"], ...said };
}

export class FakeClock implements SessionClock {
  #nowMs = 0;
  #sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  get sleepers(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener("abort", () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
      reject(signal.reason as Error);
    });
    return promise;
  }

  /** Wakes whoever sleeps, in order, and lets each act before the next wakes. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settled();
    for (;;) {
      const [next] = this.#sleepers.toSorted((one, other) => one.atMs - other.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#nowMs = next.atMs;
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      next.wake();
      await settled();
    }
    this.#nowMs = untilMs;
  }
}

export class FakeStores implements CurrentStores {
  readonly current = new Map<string, string>();
  /** Runs before each replacement: another management node may be faster. */
  beforeReplace: () => void = () => {};

  async read(hostId: string): Promise<string | undefined> {
    return this.current.get(hostId);
  }

  async replace(hostId: string, was: string | undefined, is: string): Promise<boolean> {
    this.beforeReplace();
    if (this.current.get(hostId) !== was) return false;
    this.current.set(hostId, is);
    return true;
  }
}

export class FakeCloud {
  readonly clock = new FakeClock();
  readonly stores = new FakeStores();
  readonly a = new FakeHost();
  readonly b = new FakeHost();

  session(options: Partial<SessionOptions> = {}): ManagementNodeSession {
    const hosts: Record<string, FakeHost> = { a: this.a, b: this.b };
    return new ManagementNodeSession({
      id: "mn-1",
      epoch: 7,
      instance: "i-1",
      hosts: (id) => {
        const host = hosts[id];
        if (host === undefined) throw new Error(`cannot find host ${id}`);
        return host;
      },
      stores: this.stores,
      clock: this.clock,
      random: () => 1, // the longest wait
      ...options,
    });
  }
}

/** Everything that can happen without time passing has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise whose rejection the test looks at later. */
export function awaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** How a promise ended; undefined while it has not. */
export async function stateOf(promise: Promise<unknown>): Promise<string | undefined> {
  let state: string | undefined;
  promise.then(
    () => {
      state = "resolved";
    },
    (error: { code?: string }) => {
      state = `rejected: ${error.code}`;
    },
  );
  await settled();
  return state;
}
