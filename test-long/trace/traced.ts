// The agent under strace. The tracer is not its parent, so that signals and the process id are those
// of the agent.

import type { Way } from "../host/ways-to-start.ts";

/** Traces everything that `answerOrders` needs to see, whole. */
export function traced(output: string): Way {
  const calls = "pwrite64,pwritev,fsync,fdatasync,write,writev,sendto,sendmsg";
  // A page of the log is 4096 bytes, each shown in up to four characters.
  const options = ["--decode-fds=path", "--string-limit=8192", `--trace=${calls}`];
  return { before: [...stracePlain(output), ...options], environment: {} };
}

/** Each flush of the disk takes this long, in the thread that asks for it and in no other. */
export function slowFlushes(output: string, delayMs: number): Way {
  const delay = `--inject=fsync,fdatasync:delay_enter=${delayMs * 1000}`;
  const options = ["--seccomp-bpf", "--decode-fds=path", "--trace=fsync,fdatasync", delay];
  return { before: [...stracePlain(output), ...options], environment: {} };
}

/** Counts flushes and slows nothing else down. */
export function countedFlushes(output: string): Way {
  const options = ["--seccomp-bpf", "--decode-fds=path", "--trace=fsync,fdatasync"];
  return { before: [...stracePlain(output), ...options], environment: {} };
}

function stracePlain(output: string): string[] {
  return ["strace", "--daemonize", "--follow-forks", "--quiet=all", `--output=${output}`];
}
