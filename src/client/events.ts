// The agent's events, as values: one connection, from its beginning to its end.

import type { Static, TSchema } from "../schema.ts";
import { Event, EventsConnected, EventsCut, EventsGap } from "../http/schema/events.ts";
import { Problem } from "../http/schema/problem.ts";
import { checkAnswer } from "./answer-check.ts";
import { ApiError, AgentUnreachableError, badAnswer } from "./errors.ts";
import { type EventBlock, eventBlocks } from "./event-blocks.ts";
import type { OpenStream } from "./exchange.ts";

/** Silence after which the agent counts as gone: three of its signs of life. */
const silenceMs = 45_000;

export interface EventsOptions {
  /** `position` of the last event that was seen; absent: only what happens from now on. */
  readonly after?: string | undefined;
  /** Only those of one VM. */
  readonly vmUuid?: string | undefined;
  /** Only those of these kinds. */
  readonly kinds?: readonly string[] | undefined;
  /** Ends the events without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** `position` is what to come back with; absent: that of the event before. */
export type AgentEvent = { readonly position?: string | undefined } & (
  | { readonly event: "connected"; readonly data: EventsConnected }
  /** An entry of the history; one that tells of a stop says what a report would say now. */
  | { readonly event: "entry"; readonly data: Event }
  /** Events are missing here: read a report. */
  | { readonly event: "gap"; readonly data: EventsGap }
  /** The agent ends the connection: come back with the last position. */
  | { readonly event: "cut"; readonly data: EventsCut }
  /** Nothing that is wanted has happened up to this position. */
  | { readonly event: "alive" }
);

/**
 * Follows the events over one connection.
 *
 * @param agent its name in errors
 * @throws ApiError if the agent refuses, AgentUnreachableError if the connection breaks
 */
export async function* readEvents(
  open: OpenStream,
  agent: string,
  path: string,
  { after, signal = new AbortController().signal }: EventsOptions,
): AsyncGenerator<AgentEvent, void> {
  const headers = after === undefined ? {} : { "last-event-id": after };
  try {
    const { status, chunks } = await open(path, headers, signal, silenceMs);
    if (status !== 200) throw await refusalOf(chunks, agent, path);
    for await (const block of eventBlocks(chunks)) {
      const event = eventOf(block, agent);
      yield event;
      if (event.event === "cut") return;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof RangeError) throw badAnswer(agent, error.message, error);
    throw error;
  }
  const text = `cannot follow the events of vmsyncd at ${agent}: the connection ended; is it running?`;
  throw new AgentUnreachableError("not-running", text);
}

async function refusalOf(
  chunks: AsyncIterable<Uint8Array>,
  agent: string,
  path: string,
): Promise<Error> {
  const bytes: Uint8Array[] = [];
  for await (const chunk of chunks) bytes.push(chunk);
  return new ApiError(checked(Problem, Buffer.concat(bytes).toString(), agent, `GET ${path}`));
}

function eventOf({ id: position, event, data }: EventBlock, agent: string): AgentEvent {
  if (data === undefined) return { position, event: "alive" };
  const what = `event ${event}`;
  switch (event) {
    case "connected":
      return { position, event, data: checked(EventsConnected, data, agent, what) };
    case "gap":
      return { position, event, data: checked(EventsGap, data, agent, what) };
    case "cut":
      return { position, event, data: checked(EventsCut, data, agent, what) };
    default:
      return { position, event: "entry", data: checked(Event, data, agent, what) };
  }
}

function checked<T extends TSchema>(
  schema: T,
  text: string,
  agent: string,
  what: string,
): Static<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badAnswer(agent, `to ${what}: it is not JSON`, error);
  }
  const outcome = checkAnswer(schema, value);
  if ("mistake" in outcome) throw badAnswer(agent, `to ${what}: ${outcome.mistake}`);
  return outcome.value;
}
