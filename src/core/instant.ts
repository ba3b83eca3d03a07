/**
 * A moment, read from two clocks at once.
 *
 * INVARIANT: decisions compare `ms` alone. `wallMs` is for people: it steps, and is only shown.
 */
export interface Instant {
  /**
   * Milliseconds on the boot-time clock, which counts suspension and never steps; its zero is the
   * boot of the host, so that it compares across restarts of the agent.
   */
  readonly ms: number;
  /** Milliseconds since 1970 on the wall clock. */
  readonly wallMs: number;
}
