import type { AgentEvent } from "../../client/client.ts";
import type { Command } from "../command.ts";
import { followEvents } from "../following.ts";
import { entryText, entryTime } from "../history-words.ts";
import { say, warn } from "../prose.ts";
import { jsonLine, type Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

/** `vmsyncctl events`: what happens, as it happens, until Ctrl-C. */
export const eventsCommand: Command = {
  words: ["events"],
  describe: "Tell what happens, as it happens, until Ctrl-C",
  options: {
    vm: { describe: "Only of this VM (uuid)" },
    kinds: { describe: "Only of these kinds, joined by commas" },
    after: { describe: "Begin after the event of this id; 0: with the oldest that is kept" },
  },
  async run({ client, terminal, args, json }) {
    const signal = terminal.interrupted?.() ?? new AbortController().signal;
    const events = followEvents(client, {
      vmUuid: args.vmUuid("vm"),
      kinds: args.text("kinds")?.split(","),
      after: positionOf(args.text("after")),
      signal,
      onLost: (why) => warn(terminal, `The events are cut off, and asked for again: ${why}`),
    });
    for await (const event of events) {
      if (json) showJson(terminal, event);
      else show(terminal, event);
    }
  },
};

/** Of the present store, or with a store as the stream gives it. */
const positionPattern = /^([^\s:]{1,64}:)?(0|[1-9]\d{0,15})$/;

function positionOf(text: string | undefined): string | undefined {
  if (text === undefined || positionPattern.test(text)) return text;
  throw new UsageError(`cannot use --after ${text}: expected the id of an event, ID or STORE:ID`);
}

function show(terminal: Terminal, event: AgentEvent): void {
  if (event.event === "gap") {
    const why = gapText(event.data.reason);
    say(terminal, `Events are missing here (${why}): see vmsyncctl report.`);
  } else if (event.event === "entry") {
    say(terminal, entryText(event.data), `${entryTime(event.data)}  `);
  }
}

/** One line per event, for machines. */
function showJson(terminal: Terminal, event: AgentEvent): void {
  if (event.event === "entry" || event.event === "gap") terminal.out(jsonLine(event));
}

function gapText(reason: string): string {
  switch (reason) {
    case "too-old":
      return "they are no longer kept";
    case "other-store":
      return "the store of vmsyncd is another one";
    case "unknown-id":
      return "its store never had the id, it is an older copy";
    default:
      return reason;
  }
}
