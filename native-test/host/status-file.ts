import path from "node:path";
import type { DomainSpec } from "./domain-xml.ts";
import type { PrivateHost } from "./private-host.ts";

/** What libvirtd keeps of a domain that is active, for its next start. */
export function statusFile(host: PrivateHost, { name }: DomainSpec): string {
  return path.join(host.folder, "run/libvirt/qemu", `${name}.xml`);
}
