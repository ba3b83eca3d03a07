/** Waits between attempts: they double from the first to the longest. */
export interface BackOff {
  /** After the first failure; each wait is cut by up to half, at random. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The wait after so many failures in a row. Half fixed, half random: management nodes that lost a
 * host together do not come back to it in step.
 *
 * @param random in [0, 1)
 */
export function waitAfter(failures: number, { firstMs, maxMs }: BackOff, random: number): number {
  const doublings = Math.min(failures - 1, 30);
  return Math.min(maxMs, firstMs * 2 ** doublings) * (0.5 + random / 2);
}
