// Which domains there may be: what libvirt is asked for one by one when it does not tell of all.
// Only a list to ask by: that a domain is on it says nothing, nor that it is not.

import type { DomainEvent, DomainRef } from "../libvirt/codec/messages.ts";
import { domainsMax } from "../libvirt/codec/protocol.ts";

/** virDomainEventType (libvirt-domain.h). */
const undefinedEvent = 1;

interface KnownDomain {
  readonly domain: DomainRef;
  /** Rises with every event. */
  readonly namedAt: number;
}

export class KnownDomains {
  #byUuid = new Map<string, KnownDomain>();
  #events = 0;

  /** Events heard so far. */
  get events(): number {
    return this.#events;
  }

  /** In no particular order. */
  get all(): DomainRef[] {
    return [...this.#byUuid.values()].map(({ domain }) => domain);
  }

  /**
   * libvirt named all its domains.
   *
   * @param asked `events` when it was asked: what was heard since may be newer than the answer
   */
  replace(domains: readonly DomainRef[], asked: number): void {
    const heard = [...this.#byUuid.values()].filter(({ namedAt }) => namedAt > asked);
    const known = domains.map((domain) => ({ domain, namedAt: asked }));
    this.#byUuid = new Map();
    for (const one of [...heard, ...known]) this.#add(one);
  }

  /** libvirt told what became of a domain. */
  hear(event: DomainEvent): void {
    if (event.kind !== "lifecycle") return;
    this.#events += 1;
    const { domain } = event;
    // One that is undefined while it runs is there still, until it ends.
    if (event.event === undefinedEvent && domain.id === -1) this.#byUuid.delete(domain.uuid);
    else this.#add({ domain, namedAt: this.#events });
  }

  #add(known: KnownDomain): void {
    const { uuid } = known.domain;
    if (this.#byUuid.size >= domainsMax && !this.#byUuid.has(uuid)) return;
    this.#byUuid.set(uuid, known);
  }
}
