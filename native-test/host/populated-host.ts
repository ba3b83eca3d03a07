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

function specs(kind: string, count: number, first: number): DomainSpec[] {
  return Array.from({ length: count }, (_, at) => {
    return { name: `${kind}-${at}`, uuid: domainUuid(first + at) };
  });
}

/** Starts in parallel, a few at a time: libvirtd has a handful of workers. */
async function startAll(
  host: PrivateHost,
  domains: readonly DomainSpec[],
  paused: boolean,
): Promise<void> {
  const waiting = [...domains];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      await host.define(next);
      await host.start(next.name, { paused });
    }
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
      running: specs("running", 2, 100),
      paused: specs("paused", 18, 200),
      shutOff: specs("shut-off", 5, 300),
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
