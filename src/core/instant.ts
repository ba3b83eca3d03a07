/**
 * A moment, read from two clocks at once.
 *
 * INVARIANT: decisions compare `ms` alone. `wallMs` is for people: it steps, and is only shown.
 */
export interface Instant {
  /** Milliseconds on a clock that never steps; its zero means nothing. */
  readonly ms: number;
  /** Milliseconds since 1970 on the wall clock. */
  readonly wallMs: number;
}
