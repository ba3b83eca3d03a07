// One stream of server-sent events: the bytes of events on an answer that does not end. Who does not
// read is cut: what is not read is not kept for them.

import type { ServerResponse } from "node:http";
import type { Agent } from "../agent/agent.ts";
import type { EventConsumer } from "../agent/event-feed.ts";
import type { CutReason, GapReason } from "../core/event.ts";
import type { StoredHistoryEntry } from "../core/history.ts";
import { historyEntryView } from "./history-view.ts";
import type { EventsConnected, EventsCut, EventsGap } from "./schema/events.ts";

export interface StreamLimits {
  /** Time between two signs of life. Who has read nothing of what waits from one to the next is cut. */
  readonly heartbeatMs: number;
}

export const streamLimits: StreamLimits = { heartbeatMs: 15_000 };

/** Time to read the last event in, before the connection is destroyed. */
const lingerMs = 1_000;

const cutDetails: Readonly<Record<CutReason, string>> = {
  slow: "cannot send events that are not read: come back with the last id",
  "history-unreadable": "cannot read the history: the agent's log says why",
  stopping: "the agent stops: come back with the last id",
};

export class EventStream implements EventConsumer {
  readonly #response: ServerResponse;
  readonly #agent: Agent;
  readonly #limits: StreamLimits;
  #heartbeat: NodeJS.Timeout | undefined;
  /** All up to here was told, or is not wanted. */
  #passedId: number | undefined;
  /** What the other side had taken at the last sign of life. */
  #takenBytes = -1;
  #isCut = false;

  constructor(response: ServerResponse, agent: Agent, limits: StreamLimits) {
    this.#response = response;
    this.#agent = agent;
    this.#limits = limits;
    response.once("close", () => clearInterval(this.#heartbeat));
  }

  get isGone(): boolean {
    return this.#isCut || this.#response.destroyed || this.#response.writableEnded;
  }

  onGone(leave: () => void): void {
    this.#response.once("close", leave);
  }

  begin(id: number | undefined): void {
    const { storeId, agentEpoch } = this.#agent.run;
    this.#passedId = id;
    this.#response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      connection: "close",
    });
    this.#write("connected", { storeId, agentEpoch } satisfies EventsConnected, id);
    this.#heartbeat = setInterval(() => this.#beat(), this.#limits.heartbeatMs);
    this.#heartbeat.unref();
  }

  send(entry: StoredHistoryEntry): void {
    this.#write(entry.kind, historyEntryView(entry), entry.id);
  }

  gap(reason: GapReason, nextId: number): void {
    // Who comes back has been told of it.
    this.#write("gap", { reason, nextId } satisfies EventsGap, nextId - 1);
  }

  passed(id: number): void {
    this.#passedId = id;
  }

  cut(reason: CutReason): void {
    if (this.isGone) return;
    this.#write("cut", { reason, detail: cutDetails[reason] } satisfies EventsCut, undefined);
    this.#isCut = true;
    clearInterval(this.#heartbeat);
    this.#response.end();
    const { socket } = this.#response;
    setTimeout(() => socket?.destroy(), lingerMs).unref();
  }

  room(): Promise<void> | undefined {
    if (this.isGone || !this.#response.writableNeedDrain) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once("drain", resolve);
    this.#response.once("close", resolve);
    return promise;
  }

  /** The id goes along, so that who wants few events does not fall behind what is kept. */
  #beat(): void {
    const { socket, writableLength } = this.#response;
    const takenBytes = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0);
    if (writableLength > 0 && takenBytes === this.#takenBytes) {
      this.#agent.watchers.events.noteSlow();
      this.cut("slow");
      return;
    }
    this.#takenBytes = takenBytes;
    if (this.#response.writableNeedDrain) return;
    this.#response.write(`: alive\n${this.#idLine(this.#passedId)}\n`);
  }

  #write(event: string, data: object, id: number | undefined): void {
    const lines = `event: ${event}\ndata: ${JSON.stringify(data)}\n`;
    this.#response.write(`${this.#idLine(id)}${lines}\n`);
  }

  #idLine(id: number | undefined): string {
    return id === undefined ? "" : `id: ${this.#agent.run.storeId}:${id}\n`;
  }
}
