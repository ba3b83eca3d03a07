// What a report says of one VM, read as a management node reads it: a VM that is not named is what
// `absentMeans` says.

import type { Report } from "../../src/client/client.ts";
import type { DomainSpec } from "./domain-xml.ts";

const stops: readonly string[] = ["Stopped", "Crashed", "absent: stopped"];

/** Its state, "skipped", "withheld: REASON", "absent: stopped" or "absent: unknown". */
export function saidOf(report: Report, uuid: string): string {
  const state = report.states[uuid];
  if (state !== undefined) return state;
  if (report.skipped.some(({ vmUuid }) => vmUuid === uuid)) return "skipped";
  const withheld = report.withheld.find(({ vmUuid }) => vmUuid === uuid);
  if (withheld !== undefined) return `withheld: ${withheld.reasons.join(", ")}`;
  return `absent: ${report.absentMeans}`;
}

/** Whether a management node would start the VM elsewhere on this. */
export function isStop(said: string): boolean {
  return stops.includes(said);
}

/** libvirt's own words in the report, as "3/11"; "-/-" where it does not pass them on. */
export function libvirtWords(report: Report, uuid: string): string {
  const words = report.libvirt?.[uuid];
  return words === undefined ? "absent" : `${words.state ?? "-"}/${words.reason ?? "-"}`;
}

/** What it says of each of these domains, by name. */
export function saidByName(report: Report, domains: readonly DomainSpec[]): Record<string, string> {
  return Object.fromEntries(domains.map(({ name, uuid }) => [name, saidOf(report, uuid)]));
}

/** The same word of each of these domains, by name. */
export function allSaid(domains: readonly DomainSpec[], said: string): Record<string, string> {
  return Object.fromEntries(domains.map(({ name }) => [name, said]));
}
