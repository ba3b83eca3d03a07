// Events: entries of the history as they happen, over one long answer (server-sent events).

import { type Static, Type } from "../../schema.ts";
import { cutReasons, gapReasons } from "../../core/event.ts";
import { oneOf, strict, VmUuid } from "./common.ts";
import { HistoryEntry } from "./history.ts";

/** "STORE:ID" as the stream's ids are, or a mere ID of the present store. */
const positionPattern = "^([^\\s:]{1,64}:)?(0|[1-9][0-9]{0,15})$";

export const EventsQuery = strict(
  {
    vm: Type.Optional(VmUuid),
    kinds: Type.Optional(
      Type.String({ maxLength: 1000, description: "Kinds of the history, joined by commas" }),
    ),
    after: Type.Optional(
      Type.String({
        pattern: positionPattern,
        description:
          "Id of the last event that was seen, as the stream gives it; 0: all that are kept. Last-Event-ID goes before it",
      }),
    ),
  },
  "Which events, and from where on; absent: all, from now on",
);
export type EventsQuery = Static<typeof EventsQuery>;

/** `data` of an event that is called by its kind. */
export const Event = HistoryEntry;
export type Event = Static<typeof Event>;

/** `data` of the event `connected`, the first one. */
export const EventsConnected = strict(
  { storeId: Type.String(), agentEpoch: Type.Integer() },
  "Whose events these are",
);
export type EventsConnected = Static<typeof EventsConnected>;

/** `data` of the event `gap`. */
export const EventsGap = strict(
  {
    reason: oneOf(gapReasons, "Stable code"),
    nextId: Type.Integer({ description: "Id of the next entry" }),
  },
  "Events are missing here: read a report",
);
export type EventsGap = Static<typeof EventsGap>;

/** `data` of the event `cut`, the last one. */
export const EventsCut = strict(
  {
    reason: oneOf(cutReasons, "Stable code"),
    detail: Type.String({ description: "A sentence" }),
  },
  "The agent ends the stream: come back with the last id",
);
export type EventsCut = Static<typeof EventsCut>;
