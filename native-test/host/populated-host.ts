// A private host with domains in every state that lasts, enough of them to be a host.

import type { DomainSpec } from "./domain-xml.ts";
import { PrivateHost } from "./private-host.ts";

export interface Population {
  readonly running: readonly DomainSpec[];
  readonly paused: readonly DomainSpec[];
  readonly shutOff: readonly DomainSpec[];
}

/** A uuid that says which domain it is. */
export function domainUuid(number: number): string {
  return `5eed0000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** Domains KIND-0, KIND-1 and so on, whose uuids count from `first`. */
export function domainSpecs(kind: string, count: number, first: number): DomainSpec[] {
  return Array.from({ length: count }, (_, at) => {
    return { name: `${kind}-${at}`, uuid: domainUuid(first + at) };
  });
}

/** Makes persistent domains and starts them. */
export async function startAll(
  host: PrivateHost,
  domains: readonly DomainSpec[],
  paused: boolean,
): Promise<void> {
  await aFewAtATime(domains, async (domain) => {
    await host.define(domain);
    await host.start(domain.name, { paused });
  });
}

/** Makes and starts transient domains. */
export async function createAll(
  host: PrivateHost,
  domains: readonly DomainSpec[],
  paused: boolean,
): Promise<void> {
  await aFewAtATime(domains, (domain) => host.create(domain, { paused }));
}

/** In parallel, but libvirtd has only a handful of workers. */
async function aFewAtATime(
  domains: readonly DomainSpec[],
  start: (domain: DomainSpec) => Promise<void>,
): Promise<void> {
  const waiting = [...domains];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await start(next);
  };
  await Promise.all([work(), work(), work(), work()]);
}

/**
 * Two running domains (each without anything to boot takes a core), eighteen paused ones and five
 * that were defined and never started: twenty QEMU processes.
 */
export async function startPopulatedHost(): Promise<{ host: PrivateHost; domains: Population }> {
  const host = await PrivateHost.start();
  try {
    const domains = {
      running: domainSpecs("running", 2, 100),
      paused: domainSpecs("paused", 18, 200),
      shutOff: domainSpecs("shut-off", 5, 300),
    };
    await startAll(host, domains.paused, true);
    await startAll(host, domains.running, false);
    for (const domain of domains.shutOff) await host.define(domain);
    return { host, domains };
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}
