/** Said instead of a value when the time was up first. */
export const expired = Symbol("expired");

/**
 * Waits for a promise until a moment on the `performance.now()` clock. The promise itself goes on;
 * if it rejects later, nobody minds.
 */
export async function within<T>(
  deadline: number,
  promise: Promise<T>,
): Promise<T | typeof expired> {
  const { promise: timeUp, resolve } = Promise.withResolvers<typeof expired>();
  const timer = setTimeout(() => resolve(expired), Math.max(0, deadline - performance.now()));
  promise.catch(() => {});
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
