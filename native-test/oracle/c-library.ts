// The oracle: what libvirt's own C library says, through a binding that shares no line with our
// client. Each of its calls holds one of Node's four pool threads and cannot be cancelled: with
// libvirtd stopped, four of them block file reads everywhere in the process. Never call it then.

import { Hypervisor } from "@unraid/libvirt";

/** The binding knows no reasons. */
export interface CLibraryDomain {
  readonly uuid: string;
  readonly name: string;
  /** virDomainState: 1 running, 3 paused, 5 shut off. */
  readonly state: number;
}

/**
 * All domains, active or not, of the libvirtd at a unix socket, read one by one. Rejects if
 * libvirtd cannot be reached, and if a domain vanishes during the read.
 */
export async function readWithCLibrary(socket: string): Promise<CLibraryDomain[]> {
  const hypervisor = new Hypervisor({ uri: `qemu+unix:///system?socket=${socket}` });
  await hypervisor.connectOpen();
  try {
    const found: CLibraryDomain[] = [];
    for (const domain of await hypervisor.connectListAllDomains()) {
      const uuid = await domain.getUUIDString();
      const name = await domain.getName();
      const { state } = await domain.getInfo();
      found.push({ uuid, name, state });
    }
    return found;
  } finally {
    await hypervisor.connectClose();
  }
}
