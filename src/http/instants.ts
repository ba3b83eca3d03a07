// Instants and spans, as the API says them.

import type { Instant } from "../core/instant.ts";

/** RFC 3339, UTC. */
export function instantText({ wallMs }: Pick<Instant, "wallMs">): string {
  return new Date(wallMs).toISOString();
}

/** Seconds until a moment of the boot-time clock, rounded up: what is said to be over is over. */
export function secondsUntil(ms: number, now: Instant): number {
  return Math.max(0, Math.ceil((ms - now.ms) / 1000));
}

/** Whole seconds since an instant. */
export function secondsSince({ ms }: Instant, now: Instant): number {
  return Math.max(0, Math.floor((now.ms - ms) / 1000));
}
