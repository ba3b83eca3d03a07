import type { EventPosition } from "../agent/event-feed.ts";
import { eventConsumersMax } from "../agent/event-feed.ts";
import { type HistoryEntry, historyKinds } from "../core/history.ts";
import type { VmUuid } from "../core/vm-uuid.ts";
import { innerUuid, wholeNumber } from "./accepted.ts";
import { fieldProblem, ProblemError } from "./problem.ts";
import { type RequestHeaders, route } from "./route.ts";
import { Event, EventsQuery } from "./schema/events.ts";
import { validatorOf } from "./validators.ts";

export const eventRoutes = [
  route({
    method: "GET",
    path: "/v1/events",
    produces: "text/event-stream",
    schemas: { query: EventsQuery, answer: Event },
    async handle(agent, { query, headers, openStream }) {
      const isWanted = wantedBy(query);
      const after = lastSeen(headers) ?? query.after;
      const position = after === undefined ? undefined : positionOf(after);
      const { events } = agent.watchers;
      if (openStream === undefined) {
        throw new ProblemError("not-found", "cannot stream events here: there is no network");
      }
      if (!events.admits()) throw tooManyConsumers();
      await events.follow(openStream(), position, isWanted);
    },
  }),
];

function wantedBy({ vm, kinds }: EventsQuery): (entry: HistoryEntry) => boolean {
  const vmUuid: VmUuid | undefined = vm && innerUuid(vm);
  const wanted = kinds === undefined ? undefined : new Set(kinds.split(","));
  for (const kind of wanted ?? []) {
    if (historyKinds.some((known) => known === kind)) continue;
    throw fieldProblem("/kinds", "query", `there is no kind '${kind}'`);
  }
  return (entry) => {
    const isOfVm = vmUuid === undefined || entry.vmUuid === vmUuid;
    return isOfVm && (wanted === undefined || wanted.has(entry.kind));
  };
}

/** What a client that comes back has seen last: who repeats an address repeats its old `after`. */
function lastSeen(headers: RequestHeaders): string | undefined {
  const text = headers["last-event-id"];
  if (typeof text !== "string" || text === "") return undefined;
  const validate = validatorOf(EventsQuery);
  if (validate({ after: text })) return text;
  throw new ProblemError(
    "invalid-request",
    "cannot read Last-Event-ID: expected an id that this stream gave, STORE:ID",
  );
}

function positionOf(text: string): EventPosition {
  const colon = text.lastIndexOf(":");
  const storeId = colon < 0 ? undefined : text.slice(0, colon);
  return { storeId, id: wholeNumber(text.slice(colon + 1), "/after") };
}

function tooManyConsumers(): ProblemError {
  const detail = `cannot follow the events: ${eventConsumersMax} others do already; end one of them, or read /v1/history`;
  return new ProblemError("too-many-event-consumers", detail);
}
