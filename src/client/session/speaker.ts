// The voice of one process of a management node: who speaks, with which sequence, and until when.

import type { ManagementNode } from "../../http/schema/common.ts";
import { waitAfter } from "./back-off.ts";
import type { SessionError, SupersededError } from "./errors.ts";
import { isWorthRepeating, supersession } from "./failures.ts";
import type { Host } from "./host.ts";
import type { SessionLimits, SessionOptions } from "./options.ts";
import type { AgentRun, Caller } from "./ports.ts";

type End = SessionError | SupersededError;

export class Speaker {
  readonly #options: SessionOptions;
  readonly #limits: SessionLimits;
  readonly #onEnd: (why: End) => void;
  readonly #abort = new AbortController();
  #sequence = 0;
  #ended: End | undefined;

  /** @param onEnd called once, when nothing more may be said */
  constructor(options: SessionOptions, limits: SessionLimits, onEnd: (why: End) => void) {
    this.#options = options;
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  /** Why nothing more may be said; undefined while it may. */
  get ended(): End | undefined {
    return this.#ended;
  }

  checkAlive(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  end(why: End): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    this.#abort.abort();
    this.#onEnd(why);
  }

  /** The head of a statement that is sent in this turn of the event loop. */
  introduce({ run }: Host): ManagementNode {
    const { instance, leaseSeconds, orphanTtlSeconds } = this.#options;
    return {
      ...this.caller(),
      instance,
      ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
      ...(orphanTtlSeconds === undefined ? {} : { orphanTtlSeconds }),
      ...(run === undefined ? {} : { storeId: run.storeId, agentEpoch: run.epoch }),
    };
  }

  /** Who asks for a continue that is sent in this turn of the event loop. */
  caller(): Caller {
    this.#sequence += 1;
    const { id, epoch } = this.#options;
    return { id, epoch, sequence: this.#sequence };
  }

  /**
   * Makes a call in this turn of the event loop, and notes what its answer or its failure says of
   * the host and of this process.
   */
  async call<T extends { readonly agent: AgentRun }>(
    host: Host,
    call: () => Promise<T>,
  ): Promise<T> {
    this.checkAlive();
    let answer: T;
    try {
      answer = await call();
    } catch (error) {
      host.listBecameDue();
      const superseded = supersession(error, this.#options.epoch);
      if (superseded !== undefined) this.end(superseded);
      throw this.#ended ?? error;
    }
    this.checkAlive();
    host.answeredBy(answer.agent);
    return answer;
  }

  /** Tries again, less and less often, while the failure may pass and the time is not up. */
  async repeat<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#options;
    const { repeatForMs, backOff } = this.#limits;
    const untilMs = clock.nowMs() + repeatForMs;
    for (let failures = 1; ; failures += 1) {
      this.checkAlive();
      try {
        return await attempt();
      } catch (error) {
        const waitMs = waitAfter(failures, backOff, random());
        if (!isWorthRepeating(error) || clock.nowMs() + waitMs > untilMs) throw error;
        await this.sleep(waitMs);
      }
    }
  }

  /** Returns early when nothing more may be said. */
  async sleep(ms: number): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, this.#abort.signal);
    } catch (error) {
      if (this.#ended === undefined) throw error;
    }
  }
}
