// An observer port whose looks are given by hand: a test decides when a look ends and with what.

import type { HostObserver } from "../../src/agent/ports.ts";
import type { Instant } from "../../src/core/instant.ts";
import type { DomainLook, Observation } from "../../src/core/observation.ts";

export const now = (): Instant => ({ ms: performance.now(), wallMs: Date.now() });

export class FakeObserver implements HostObserver {
  #domains: readonly DomainLook[] = [];
  #alive: readonly string[] = [];
  #held: PromiseWithResolvers<void> | undefined;
  #begun: PromiseWithResolvers<void> | undefined;
  looks = 0;
  readonly #now: () => Instant;

  constructor(clock: () => Instant = now) {
    this.#now = clock;
  }

  /** What libvirt names from now on; a VM that it calls running or paused has a QEMU. */
  show(...domains: readonly DomainLook[]): void {
    this.#domains = domains;
  }

  /** VMs whose QEMU lives whatever libvirt says. */
  keepAlive(...vmUuids: readonly string[]): void {
    this.#alive = vmUuids;
  }

  /** Holds the next look until `release`; resolves when it has begun. */
  hold(): Promise<void> {
    this.#held = Promise.withResolvers<void>();
    this.#begun = Promise.withResolvers<void>();
    return this.#begun.promise;
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** The look that is held ends with an error, which the port's contract rules out. */
  fail(error: Error): void {
    this.#held?.reject(error);
    this.#held = undefined;
  }

  async look(): Promise<Observation> {
    this.looks += 1;
    const startedAt = this.#now();
    this.#begun?.resolve();
    await this.#held?.promise;
    const domains = new Map(this.#domains.map((domain) => [domain.uuid, domain]));
    const qemus = this.#domains.filter(({ state }) => state === 1 || state === 3);
    return {
      startedAt,
      finishedAt: this.#now(),
      domains,
      settled: new Map(),
      qemus: new Set([...qemus.map(({ uuid }) => uuid), ...this.#alive]),
      processesWhole: true,
      problems: [],
    };
  }
}
