import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Bytes that an action allocates and that are still there when it returns, garbage not swept. */
export function allocatedBytes(action: () => void): number {
  collectGarbage();
  const before = usedBytes();
  action();
  return usedBytes() - before;
}

/** Bytes that what an action returned keeps alive. */
export function retainedBytes(action: () => unknown): number {
  collectGarbage();
  const before = usedBytes();
  const kept = action();
  collectGarbage();
  const after = usedBytes();
  if (kept === undefined) throw new Error("cannot measure: nothing was returned");
  return after - before;
}
