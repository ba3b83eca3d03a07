// A network that delays, drops, repeats and reorders. Who asks gets the first answer that comes, or
// an error when its patience is over.

import { AgentUnreachableError } from "../../../src/client/errors.ts";
import type { Exchange } from "../../../src/client/exchange.ts";
import { hashText, type Random } from "../random.ts";
import { type Statement, statementOf, statementText } from "../reference/statement.ts";
import type { Pausable, Scheduler } from "./scheduler.ts";
import type { Timeline } from "../timeline.ts";

/** How bad the network is. */
export interface Weather {
  /** Mean time on the way. */
  readonly delayMs: number;
  readonly dropShare: number;
  readonly repeatShare: number;
  /** Messages that take much longer, up to `straggleMs`. */
  readonly straggleShare: number;
  readonly straggleMs: number;
}

export interface Call {
  readonly id: number;
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly statement: Statement;
}

/** Who takes calls: an agent's host. */
export interface Listener {
  /** @param answer false: the connection was refused */
  receive(call: Call, answer: (answer: { status: number; value: unknown } | false) => void): void;
}

export interface NetworkWorld {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly timeline: Timeline;
}

/** How long a caller waits for an answer: the client's default. */
const patienceMs = 21_000;

export class Network {
  readonly #world: NetworkWorld;
  readonly #listeners = new Map<string, Listener>();
  readonly #cutUntilMs = new Map<string, number>();
  readonly #lateAnswers = new Map<string, number>();
  readonly #fair: Weather;
  #storm: Weather | undefined;
  #stormUntilMs = 0;
  #calls = 0;
  #chances = 0;
  #chanceAtMs = 0;

  constructor(world: NetworkWorld, fair: Weather) {
    this.#world = world;
    this.#fair = fair;
  }

  listen(host: string, listener: Listener): void {
    this.#listeners.set(host, listener);
  }

  /** Nothing passes between two for a while. */
  cut(one: string, other: string, forMs: number): void {
    this.#cutUntilMs.set(`${one} ${other}`, this.#world.scheduler.nowMs + forMs);
  }

  /** The next answer of a host to one caller takes so much longer. */
  delayAnswer(host: string, to: string, byMs: number): void {
    this.#lateAnswers.set(`${host} ${to}`, byMs);
  }

  /** The network is worse for a while. */
  storm(weather: Weather, forMs: number): void {
    this.#storm = weather;
    this.#stormUntilMs = this.#world.scheduler.nowMs + forMs;
  }

  /** The way from a caller to a host. */
  exchange(from: string, owner: Pausable, host: string): Exchange {
    return (method, path, body) => this.#call(from, owner, host, { method, path, body });
  }

  /** Sends something that is no request of the API; it arrives once or not at all. */
  send(from: string, to: string, arrive: () => void): void {
    const { scheduler } = this.#world;
    const random = this.#chance(from, to);
    const weather = this.#weather();
    if (this.#isCut(from, to) || random.chance(weather.dropShare)) return;
    scheduler.after(delayOf(weather, random), arrive);
  }

  /** What befalls a message depends on when and between whom it is sent, and on nothing else. */
  #chance(from: string, to: string): Random {
    const { random, scheduler } = this.#world;
    if (this.#chanceAtMs !== scheduler.nowMs) this.#chances = 0;
    this.#chanceAtMs = scheduler.nowMs;
    this.#chances += 1;
    return random.at(scheduler.nowMs, hashText(from + to) + this.#chances);
  }

  #call(
    from: string,
    owner: Pausable,
    host: string,
    { method, path, body }: { method: string; path: string; body: unknown },
  ): ReturnType<Exchange> {
    const { scheduler, timeline } = this.#world;
    this.#calls += 1;
    const statement = statementOf(method, path, body);
    const call: Call = { id: this.#calls, from, method, path, body, statement };
    timeline.note(
      scheduler.nowMs,
      from,
      `#${call.id} to ${host}: ${statementText(method, path, statement)}`,
    );
    return new Promise((resolve, reject) => {
      let isOver = false;
      const listener = this.#listeners.get(host);
      const finish = (end: () => void): void => {
        if (isOver) return;
        isOver = true;
        end();
      };
      const refuse = (code: "not-running" | "timeout"): void => {
        const text = `cannot reach vmsyncd on ${host}: ${code}`;
        finish(() => reject(new AgentUnreachableError(code, text)));
      };
      this.#carry(from, host, () => {
        listener?.receive(call, (answer) => {
          const lateMs = this.#lateAnswers.get(`${host} ${from}`) ?? 0;
          this.#lateAnswers.delete(`${host} ${from}`);
          this.#carry(host, from, () => {
            const end = (): void => {
              if (answer === false) refuse("not-running");
              else finish(() => resolve(answer));
            };
            scheduler.after(lateMs, end, owner);
          });
        });
      });
      scheduler.after(patienceMs, () => refuse("timeout"), owner);
    });
  }

  #carry(from: string, to: string, arrive: () => void): void {
    const { scheduler } = this.#world;
    const random = this.#chance(from, to);
    const weather = this.#weather();
    const copies = random.chance(weather.repeatShare) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const isLost = random.chance(weather.dropShare);
      const delayMs = delayOf(weather, random);
      if (isLost || this.#isCut(from, to)) continue;
      scheduler.after(delayMs, arrive);
    }
  }

  #isCut(one: string, other: string): boolean {
    const untilMs = Math.max(
      this.#cutUntilMs.get(`${one} ${other}`) ?? 0,
      this.#cutUntilMs.get(`${other} ${one}`) ?? 0,
    );
    return untilMs > this.#world.scheduler.nowMs;
  }

  #weather(): Weather {
    const isStormy = this.#stormUntilMs > this.#world.scheduler.nowMs;
    return isStormy && this.#storm !== undefined ? this.#storm : this.#fair;
  }
}

function delayOf(weather: Weather, random: Random): number {
  const straggles = random.chance(weather.straggleShare);
  const { straggleMs, delayMs } = weather;
  return 0.1 + (straggles ? random.between(0, straggleMs) : random.exponential(delayMs));
}
