// What every part of the suite works with: the host, clients on it, and domains that are gone again
// when a test is over.

import { randomUUID } from "node:crypto";
import { vi } from "vitest";
import { LibvirtClient, type LibvirtClientOptions } from "../../src/libvirt/client.ts";
import type { DomainEvent } from "../../src/libvirt/codec/messages.ts";
import { LibvirtConnectionError } from "../../src/libvirt/errors.ts";
import type { ConformanceHost, DomainName } from "./conformance-host.ts";

/** How long to wait for anything to come true, at most. */
export const patience = { timeout: 20_000, interval: 5 };

export const clientOptions: LibvirtClientOptions = {
  stepLimitMs: 20_000,
  keepalive: { intervalMs: 5_000, count: 5 },
};

export class Subject {
  readonly host: ConformanceHost;
  readonly #domains: DomainName[] = [];
  readonly #clients: LibvirtClient[] = [];

  constructor(host: ConformanceHost) {
    this.host = host;
  }

  /** Names a domain; whatever the test makes of it is taken away afterwards. */
  domain(prefix = "vm"): DomainName {
    const uuid = randomUUID();
    const domain = { name: `${prefix}-${uuid.slice(0, 8)}`, uuid };
    this.#domains.push(domain);
    return domain;
  }

  async defined(): Promise<DomainName> {
    const domain = this.domain();
    await this.host.define(domain);
    return domain;
  }

  async started(options?: { paused?: boolean }): Promise<DomainName> {
    const domain = await this.defined();
    await this.host.start(domain, options);
    return domain;
  }

  async client(options: Partial<LibvirtClientOptions> = {}): Promise<LibvirtClient> {
    const { socketPath } = this.host;
    const client = await LibvirtClient.connect(socketPath, { ...clientOptions, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A client together with the events that it receives. */
  async listener(): Promise<{ client: LibvirtClient; events: DomainEvent[] }> {
    const events: DomainEvent[] = [];
    const client = await this.client({ onDomainEvent: (event) => events.push(event) });
    return { client, events };
  }

  /** State and reason, such as "5/2", or "absent". */
  async state(client: LibvirtClient, domain: DomainName): Promise<string> {
    const records = await client.allDomainStates();
    const record = records.find(({ uuid }) => uuid === domain.uuid);
    return record === undefined ? "absent" : `${record.state}/${record.reason}`;
  }

  async clear(): Promise<void> {
    const client = await this.client();
    const left = await client.allDomainStates();
    for (const domain of this.#domains.splice(0)) {
      const record = left.find(({ uuid }) => uuid === domain.uuid);
      if (record === undefined) continue;
      if (record.id !== -1) await this.host.destroy(domain);
      const rest = await client.listAllDomains();
      if (rest.some(({ uuid }) => uuid === domain.uuid)) await this.host.undefine(domain);
    }
    for (const one of this.#clients.splice(0)) one.close();
  }
}

/** The lifecycle events of one domain as "event/detail", in order. */
export function lifecycleOf(events: readonly DomainEvent[], { uuid }: DomainName): string[] {
  return events
    .filter((event) => event.kind === "lifecycle")
    .filter(({ domain }) => domain.uuid === uuid)
    .map(({ event, detail }) => `${event}/${detail}`);
}

/** Polls until a probe is true; throws when it never was. */
export function until(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  return vi.waitFor(async () => {
    if (!(await probe())) throw new Error(`cannot wait longer for ${what}`);
  }, patience);
}

/** The code with which a call failed: a number is libvirt's, a word the connection's. */
export async function failureCode(call: Promise<unknown>): Promise<number | string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof LibvirtConnectionError) return error.code;
    return (error as { code: number }).code;
  }
  throw new Error("the call did not fail");
}
