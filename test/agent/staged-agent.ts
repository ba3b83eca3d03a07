// An agent whose world does what the test says: its clock, its looks at the host, its log.

import { Agent, type Look, type Report } from "../../src/agent/agent.ts";
import type { LibvirtStatus } from "../../src/agent/ports.ts";
import type { Instant } from "../../src/core/instant.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { VmUuid } from "../../src/core/vm-uuid.ts";
import { at, type Sighting, sighting } from "../core/sightings.ts";

export class StagedAgent {
  nowMs = 100;
  /** Lines of the log, as "LEVEL MESSAGE" and their fields. */
  readonly lines: (readonly [string, object])[] = [];
  /** Looks that have begun. */
  looks = 0;
  libvirtStatus: LibvirtStatus = {
    up: false,
    code: "no-socket",
    detail: "made up",
    since: at(1),
    counts: { bulkCalls: 0, domainEvents: 0 },
  };
  readonly agent: Agent;
  #underWay: PromiseWithResolvers<Observation> | undefined;
  #startedAt: Instant = at(0);
  #ids = 0;

  constructor(managementNodes: readonly string[] = []) {
    this.agent = new Agent(
      {
        clock: { now: () => this.#now() },
        observer: { look: () => this.#look() },
        libvirt: { status: () => this.libvirtStatus },
        log: {
          info: (fields, message) => this.lines.push([`info ${message}`, fields]),
          warn: (fields, message) => this.lines.push([`warn ${message}`, fields]),
        },
        newId: () => `id-${(this.#ids += 1)}`,
      },
      { host: { id: "host-1", bootId: "boot-1" }, version: "1.2.3", managementNodes },
    );
  }

  /** The report on a look, as it is delivered now. */
  report(look: Look, expect: readonly VmUuid[] = []): Report {
    let delivered: Report | undefined;
    this.agent.deliver(look, expect, (report) => {
      delivered = report;
    });
    if (delivered === undefined) throw new Error("cannot return the report: it was not delivered");
    return delivered;
  }

  get messages(): string[] {
    return this.lines.map(([message]) => message);
  }

  /** The look that is under way ends, having seen this. */
  async see(of: Omit<Sighting, "startedAt"> = {}): Promise<void> {
    await this.#settle();
    const underWay = this.#underWay;
    if (underWay === undefined) throw new Error("cannot end a look: none is under way");
    this.#underWay = undefined;
    this.nowMs += 1;
    underWay.resolve(sighting({ ...of, startedAt: this.#startedAt }));
    await this.#settle();
  }

  async failLook(error: Error): Promise<void> {
    await this.#settle();
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.reject(error);
    await this.#settle();
  }

  #now(): Instant {
    return at(this.nowMs);
  }

  #look(): Promise<Observation> {
    this.looks += 1;
    this.nowMs += 1;
    this.#startedAt = this.#now();
    this.#underWay = Promise.withResolvers<Observation>();
    return this.#underWay.promise;
  }

  #settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
