// A host with a libvirtd, as far as the conformance suite needs one: the simulated and the real one
// implement this, and the suite cannot tell which it has.

export interface DomainName {
  readonly name: string;
  readonly uuid: string;
}

export interface StartOptions {
  /** Its processors never run. */
  readonly paused?: boolean;
}

export interface ConformanceHost extends AsyncDisposable {
  /** The read-only socket; the daemon asks root, or whoever runs the tests, for no password. */
  readonly socketPath: string;
  /** When a client that asked for keepalive is asked for a sign of life, and given up. */
  readonly keepalive: { readonly intervalMs: number; readonly count: number };

  /** Makes a persistent domain, not started, or defines it again. */
  define(domain: DomainName): Promise<void>;
  undefine(domain: DomainName): Promise<void>;
  /** Makes and starts a transient domain; resolves, like all of these, when that is done. */
  create(domain: DomainName, options?: StartOptions): Promise<void>;
  start(domain: DomainName, options?: StartOptions): Promise<void>;
  suspend(domain: DomainName): Promise<void>;
  resume(domain: DomainName): Promise<void>;
  destroy(domain: DomainName): Promise<void>;
  /** The guest switches its machine off. */
  shutDownGuest(domain: DomainName): Promise<void>;
  /** SIGKILL to the process of a domain. */
  killProcess(domain: DomainName): Promise<void>;

  restartDaemon(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  hangDaemon(): Promise<void>;
  continueDaemon(): void;
  /**
   * Has a running domain destroyed in such a way that all lists wait for it, soon after this
   * resolves and until what is returned is called, but for some seconds at most.
   */
  destroySlowly(domain: DomainName): Promise<() => Promise<void>>;
}
