import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 10;

/**
 * Calls `probe` until it answers something other than undefined, and returns that.
 * Throws when `limitMs` passed, naming `what` was awaited and adding what `explain` says then;
 * whatever `probe` throws ends the wait at once.
 */
export async function waitUntil<T>(
  what: string,
  limitMs: number,
  probe: () => T | undefined | Promise<T | undefined>,
  explain: () => string = () => "",
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() >= deadline) {
      throw new Error(`cannot wait longer for ${what}: ${limitMs} ms passed${explain()}`);
    }
    await sleep(pollMs);
  }
}
