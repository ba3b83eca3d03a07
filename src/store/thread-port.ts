// The other end of a StoreThread, in the thread.

import type { MessagePort } from "node:worker_threads";
import type { ThreadReply, ThreadRequest } from "./thread.ts";

/** Answers each request of a port with what a function returns or throws. */
export function serve(port: MessagePort, answer: (request: unknown) => unknown): void {
  port.on("message", ({ id, request }: ThreadRequest) => {
    port.postMessage({ id, outcome: outcomeOf(() => answer(request)) } satisfies ThreadReply);
  });
}

function outcomeOf(answer: () => unknown): ThreadReply["outcome"] {
  try {
    return { ok: true, value: answer() };
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { ok: false, message, ...(typeof code === "string" && { code }) };
  }
}
