// What strace wrote, as events in the order in which they happened: a call that is not interrupted by
// another thread's is one line, and one that is begins in one line and returns in a later one.

export interface CallEvent {
  readonly kind: "begins" | "returns";
  readonly thread: number;
  readonly name: string;
  /** Arguments as strace shows them, whole on both events of a call. */
  readonly text: string;
}

const wholePattern = /^(\d+)\s+(\w+)\((.*)\)\s*= .*$/;
const unfinishedPattern = /^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$/;
const resumedPattern = /^(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s*= .*$/;

/** Reads the output of `strace --follow-forks --output`. Calls that failed or never ended are left out. */
export function callEvents(output: string): CallEvent[] {
  const events: CallEvent[] = [];
  const begun = new Map<number, { place: number; text: string }>();
  for (const line of output.split("\n")) {
    if (/= -1 E/.test(line)) continue;
    const whole = wholePattern.exec(line);
    if (whole !== null) {
      const [thread, name = "", text = ""] = [Number(whole[1]), whole[2], whole[3]];
      events.push({ kind: "begins", thread, name, text }, { kind: "returns", thread, name, text });
      continue;
    }
    const unfinished = unfinishedPattern.exec(line);
    if (unfinished !== null) {
      const [thread, name = "", text = ""] = [Number(unfinished[1]), unfinished[2], unfinished[3]];
      begun.set(thread, { place: events.length, text });
      events.push({ kind: "begins", thread, name, text });
      continue;
    }
    const resumed = resumedPattern.exec(line);
    if (resumed === null) continue;
    const [thread, name = ""] = [Number(resumed[1]), resumed[2]];
    const text = `${begun.get(thread)?.text ?? ""}${resumed[3]}`;
    events.push({ kind: "returns", thread, name, text });
  }
  return events;
}

const flushes: ReadonlySet<string> = new Set(["fsync", "fdatasync"]);
const socketWrites: ReadonlySet<string> = new Set(["write", "writev", "sendto", "sendmsg"]);

export interface AnswerOrder {
  readonly operationId: string;
  /** Why the answer came too soon; undefined: it is as it must be. */
  readonly mistake: string | undefined;
}

/**
 * Holds each claim's 2xx against the flush of its log record: a flush that began after the record was
 * written to the log has returned before the answer is written.
 */
export function answerOrders(events: readonly CallEvent[], ids: readonly string[]): AnswerOrder[] {
  return ids.map((operationId) => ({ operationId, mistake: mistakeOf(events, operationId) }));
}

function mistakeOf(events: readonly CallEvent[], operationId: string): string | undefined {
  const names = (event: CallEvent): boolean => event.text.includes(operationId);
  const answer = events.findIndex((event) => {
    const isAnswer = socketWrites.has(event.name) && event.text.includes("HTTP/1.1 200");
    return isAnswer && event.kind === "begins" && names(event);
  });
  if (answer < 0) return "its answer is not in the trace";
  const written = events.findIndex((event) => {
    const isLog = event.name.startsWith("pwrite") && event.text.includes("-wal>");
    return isLog && event.kind === "returns" && names(event);
  });
  if (written < 0) return "its record is not in the log";
  if (written > answer) return "its record is written after its answer";
  const flushBegun = new Set<number>();
  for (const { kind, name, text, thread } of events.slice(written + 1, answer)) {
    if (!flushes.has(name) || !text.includes("-wal>")) continue;
    if (kind === "begins") flushBegun.add(thread);
    else if (flushBegun.has(thread)) return undefined;
  }
  return "no flush of the log that began after its record returned before its answer";
}
