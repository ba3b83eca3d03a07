// Those who watch one run of an agent from its own host: one asks for reports with the tag of the last
// one and waits for a change, one follows the events and goes back to old ones again and again. They
// use no network, and their chance is their own, so that the rest of the world stays as it is.

import type { Agent } from "../../../src/agent/agent.ts";
import type { EventConsumer } from "../../../src/agent/event-feed.ts";
import type { StoredHistoryEntry } from "../../../src/core/history.ts";
import type { Dispatch } from "../../../src/http/dispatch.ts";
import type { Report } from "../../../src/http/schema/report.ts";
import type { Random } from "../random.ts";
import type { Pausable, Scheduler } from "../world/scheduler.ts";

export interface WatchedRun extends Pausable {
  readonly isAlive: boolean;
}

export interface WatcherPorts {
  readonly agent: Agent;
  readonly dispatch: Dispatch;
  readonly run: WatchedRun;
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** A report was sent, or one that was sent before was said to hold still. */
  readonly onReport: (report: Report, questionAtMs: number) => void;
  readonly onEvent: (entry: StoredHistoryEntry) => void;
  readonly onError: (error: Error) => void;
}

export class Watcher {
  readonly #ports: WatcherPorts;
  #report: Report | undefined;
  #tag: string | undefined;
  #lastId = 0;

  constructor(ports: WatcherPorts) {
    this.#ports = ports;
  }

  start(): void {
    const { scheduler, random, run } = this.#ports;
    scheduler.after(random.between(0, 5_000), () => this.#poll(), run);
    scheduler.after(random.between(0, 5_000), () => this.#follow(), run);
  }

  #poll(): void {
    const { dispatch, run, scheduler, random, onError } = this.#ports;
    if (!run.isAlive) return;
    const askedAtMs = scheduler.nowMs;
    const headers = this.#tag === undefined ? {} : { "if-none-match": this.#tag };
    const send = (status: number, body: unknown, said: Readonly<Record<string, string>> = {}) => {
      if (run.isAlive) this.#answered(status, body as Report, said, askedAtMs);
      scheduler.after(random.between(100, 3_000), () => this.#poll(), run);
    };
    const seconds = random.whole(1, 30);
    dispatch("GET", `/v1/report?wait=${seconds}`, undefined, send, headers).catch(onError);
  }

  #answered(
    status: number,
    body: Report,
    said: Readonly<Record<string, string>>,
    askedAtMs: number,
  ): void {
    if (status === 200) {
      [this.#report, this.#tag] = [body, said["etag"]];
      this.#ports.onReport(body, askedAtMs);
      return;
    }
    if (status !== 304 || this.#report === undefined) return;
    // To who reads it, the report that it knows was sent again, on another look.
    this.#ports.onReport(
      {
        ...this.#report,
        skipRevision: Number(said["vmsyncd-skip-revision"]),
        observation: {
          ...this.#report.observation,
          startedAt: said["vmsyncd-observation-started-at"] ?? "",
          finishedAt: said["vmsyncd-observation-finished-at"] ?? "",
          complete: said["vmsyncd-observation-complete"] === "true",
        },
      },
      askedAtMs,
    );
  }

  #follow(): void {
    const { agent, run, scheduler, random, onEvent, onError } = this.#ports;
    if (!run.isAlive) return;
    const follower = new Follower(run, (entry) => {
      this.#lastId = Math.max(this.#lastId, entry.id);
      onEvent(entry);
    });
    const back = random.pick([0, 0, 5, 20]);
    const id = Math.max(0, this.#lastId - back);
    const after = back === 0 ? undefined : { storeId: undefined, id };
    agent.watchers.events.follow(follower, after, () => true).catch(onError);
    const again = (): void => {
      follower.leave();
      this.#follow();
    };
    scheduler.after(random.between(1_000, 20_000), again, run);
  }
}

/** Takes everything at once. */
class Follower implements EventConsumer {
  readonly #run: WatchedRun;
  readonly #onEvent: (entry: StoredHistoryEntry) => void;
  #hasLeft = false;
  #onLeave: () => void = () => {};

  constructor(run: WatchedRun, onEvent: (entry: StoredHistoryEntry) => void) {
    this.#run = run;
    this.#onEvent = onEvent;
  }

  get isGone(): boolean {
    return this.#hasLeft || !this.#run.isAlive;
  }

  leave(): void {
    this.#hasLeft = true;
    this.#onLeave();
  }

  send(entry: StoredHistoryEntry): void {
    this.#onEvent(entry);
  }

  onGone(leave: () => void): void {
    this.#onLeave = leave;
  }

  room(): undefined {
    return undefined;
  }

  begin(): void {}
  gap(): void {}
  passed(): void {}
  cut(): void {}
}
