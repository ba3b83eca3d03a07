// What we use of the C library's binding. Declared here because it is installed and compiled by
// `npm run test:native` alone, and the rest of the project must type-check without it.
declare module "@unraid/libvirt" {
  interface Domain {
    getName(): Promise<string>;
    /** Dashed, lower case. */
    getUUIDString(): Promise<string>;
    /** `state` as virDomainState. */
    getInfo(): Promise<{ state: number }>;
  }

  export class Hypervisor {
    constructor(options: { uri: string });
    connectOpen(): Promise<void>;
    connectClose(): Promise<void>;
    connectListAllDomains(): Promise<Domain[]>;
  }
}
