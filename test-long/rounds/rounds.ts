// Rounds of "statements acknowledged, kill -9 at a random moment, start again", on one store. What was
// acknowledged is in the ledger, and every answer is held against it.

import { setTimeout as pause } from "node:timers/promises";
import { SimulatedHost } from "../../test/daemon/simulated-host.ts";
import { Random } from "../../test/sim/random.ts";
import { AgentProcess } from "../host/agent-process.ts";
import { BootTime, type Span } from "../host/boot-time.ts";
import { asItIs, Boot, SteppedWallClock, type Way } from "../host/ways-to-start.ts";
import { Ledger } from "./ledger.ts";
import { LongLivedNode } from "./long-lived-node.ts";
import { claimAsOperator, GivingUp, Visitor } from "./short-lived.ts";
import { Counts, Talk } from "./talk.ts";

export interface RoundsOptions {
  readonly rounds: number;
  readonly seed: number;
  /** The wall clock is set forward and back by hours, while it runs and while it is down. */
  readonly wallClockSteps?: boolean;
  /** Longest time of talk in a round; 400 ms by default. */
  readonly talkMsMax?: number;
  /** Some starts are in another boot of the host. */
  readonly reboots?: boolean;
}

const hourSeconds = 3_600;
const visitorsMax = 6;
/** Longest time of talk in a round. */
const talkMsMax = 400;
const bootsAheadSecondsMax = 10_000_000;

/** What was run, for people. */
export type RoundsSummary = Readonly<Record<string, number>>;

class Rounds implements AsyncDisposable {
  readonly #options: RoundsOptions;
  readonly #host: SimulatedHost;
  readonly #random: Random;
  readonly #clock = new BootTime();
  readonly #ledger = new Ledger();
  readonly #counts = new Counts();
  readonly #nodes = [new LongLivedNode("mn-1"), new LongLivedNode("mn-2")] as const;
  readonly #givingUp = new GivingUp();
  readonly #wallClock: SteppedWallClock | undefined;
  #visitors: Visitor[] = [];
  #visits = 0;
  #boot: Boot | undefined;
  /** Of the present boot: when the first process in it was started, and what the clock did before. */
  #bootBegan: { readonly at: Span; readonly wallStepMs: number } | undefined;
  #durableSince: Span | undefined;
  #diedAt: Span | undefined;
  #identity: { storeId: string; epoch: number } | undefined;
  #startMs = 300;
  #duringStart = 0;
  #amidStatements = 0;
  #reboots = 0;
  #isNewBoot = false;

  private constructor(options: RoundsOptions, host: SimulatedHost) {
    this.#options = options;
    this.#host = host;
    this.#random = new Random(options.seed, "rounds");
    if (options.wallClockSteps) this.#wallClock = new SteppedWallClock(host.folder.path);
    if (options.reboots) this.#boot = new Boot(host.folder.path, 0);
  }

  static async begin(options: RoundsOptions): Promise<Rounds> {
    return new Rounds(options, await SimulatedHost.start());
  }

  async run(): Promise<RoundsSummary> {
    const beganMs = performance.now();
    const { rounds } = this.#options;
    for (let round = 1; round <= rounds; round += 1) {
      await this.#round(round);
      this.#check(`round ${round} of ${rounds}, seed ${this.#options.seed}`);
    }
    const secondsPerRound = (performance.now() - beganMs) / 1000 / rounds;
    await this.#waitForOrphans();
    this.#check(`after ${rounds} rounds, seed ${this.#options.seed}`);
    return { ...this.#summary(), secondsPerRound };
  }

  async #round(round: number): Promise<void> {
    if (round > 1) this.#whileDown();
    if (round > 1 && this.#random.chance(0.2)) await this.#killDuringStart();
    for (const node of this.#nodes) if (this.#random.chance(0.05)) node.restart();
    await using agent = await this.#start();
    if (round === 1) await agent.client.endAmnesia("operator");
    const talk = this.#talk(agent);
    const lanes = Promise.all(this.#lanes(talk));
    await pause(this.#random.between(0, this.#options.talkMsMax ?? talkMsMax));
    talk.isOver = true;
    if (talk.underway > 0) this.#amidStatements += 1;
    await agent.kill();
    await lanes;
    this.#durableSince = talk.durableSince;
    this.#diedAt = this.#clock.now();
    this.#ledger.died(this.#diedAt);
  }

  /** A start that is shown to have lost nothing, and to be one more of the same store. */
  async #start(): Promise<AgentProcess> {
    const from = this.#clock.now();
    this.#bootBegan ??= { at: from, wallStepMs: 0 };
    const agent = new AgentProcess(this.#host, { way: this.#way() });
    try {
      await agent.answer((client) => client.status());
      const ready = this.#clock.now();
      this.#startMs += (ready.latestMs - from.earliestMs - this.#startMs) / 4;
      if (this.#isNewBoot && this.#durableSince !== undefined && this.#diedAt !== undefined) {
        const checkpoint = {
          earliestMs: this.#durableSince.earliestMs,
          latestMs: this.#diedAt.latestMs,
        };
        const { at, wallStepMs } = this.#bootBegan;
        const start = { earliestMs: at.earliestMs, latestMs: ready.latestMs };
        this.#ledger.rebooted({ checkpoint, start, wallStepMs });
      }
      this.#isNewBoot = false;
      this.#durableSince = from;
      const begun = this.#ledger.beginRead(this.#clock.now());
      const { claims } = await agent.client.claims();
      const answered = this.#clock.now();
      this.#ledger.endRead(begun, claims, answered);
      this.#ledger.settle(claims, answered);
      await this.#checkIdentity(agent);
      return agent;
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #checkIdentity(agent: AgentProcess): Promise<void> {
    const { agent: run, amnesia } = await agent.client.status();
    const before = this.#identity;
    this.#identity = run;
    if (before === undefined) return;
    const { storeId, epoch } = run;
    if (storeId !== before.storeId) this.#ledger.violated(`a new store id: ${storeId}`);
    if (epoch <= before.epoch) {
      this.#ledger.violated(`agent epoch ${epoch}, and it was ${before.epoch} before`);
    }
    if (amnesia !== undefined) this.#ledger.violated(`amnesia: ${amnesia.reason}`);
  }

  async #killDuringStart(): Promise<void> {
    this.#bootBegan ??= { at: this.#clock.now(), wallStepMs: 0 };
    await using agent = new AgentProcess(this.#host, { way: this.#way() });
    await pause(this.#random.between(0, this.#startMs));
    await agent.kill();
    this.#duringStart += 1;
  }

  /** What happens to the host while no agent runs. */
  #whileDown(): void {
    const { reboots } = this.#options;
    const before = this.#wallClock?.offsetSeconds ?? 0;
    if (this.#random.chance(0.5)) this.#stepWallClock();
    if (!reboots || this.#random.chance(0.3)) return;
    const after = this.#wallClock?.offsetSeconds ?? 0;
    const ahead = this.#random.below(bootsAheadSecondsMax);
    this.#boot = new Boot(this.#host.folder.path, ahead);
    this.#bootBegan = { at: this.#clock.now(), wallStepMs: (after - before) * 1000 };
    this.#isNewBoot = true;
    this.#reboots += 1;
  }

  #stepWallClock(): void {
    // With reboots by seconds too, of which orphans lose or gain some.
    const isShort = this.#options.reboots === true && this.#random.chance(0.7);
    const most = isShort ? 8 : 30 * hourSeconds;
    const by = Math.round(this.#random.between(-most, most));
    this.#wallClock?.set(this.#wallClock.offsetSeconds + by);
  }

  #way(): Way {
    const way = this.#wallClock?.way ?? asItIs;
    return this.#boot?.around(way) ?? way;
  }

  #talk(agent: AgentProcess): Talk {
    return new Talk({
      client: agent.client,
      ledger: this.#ledger,
      counts: this.#counts,
      clock: this.#clock,
      random: this.#random,
      startedAt: this.#durableSince ?? this.#clock.now(),
    });
  }

  #lanes(talk: Talk): Promise<void>[] {
    this.#visitors = this.#visitors.filter(({ isOver }) => !isOver);
    while (this.#visitors.length < visitorsMax) {
      this.#visits += 1;
      this.#visitors.push(new Visitor(`visitor-${this.#visits}`, talk));
    }
    const [one, other] = this.#nodes;
    const lanes = [
      talk.lane(15, () => one.speak(talk, other)),
      talk.lane(15, () => other.speak(talk, one)),
      talk.lane(40, () => claimAsOperator(talk)),
      talk.lane(20, () => this.#givingUp.step(talk)),
      ...this.#visitors.map((visitor) => talk.lane(20, () => visitor.step(talk))),
    ];
    for (let lane = 0; lane < 4; lane += 1) {
      lanes.push(talk.lane(8, () => one.step(talk)));
      lanes.push(talk.lane(8, () => other.step(talk)));
    }
    for (let lane = 0; lane < 2; lane += 1) lanes.push(talk.lane(10, () => read(talk)));
    const isStepped = this.#wallClock !== undefined && this.#options.reboots !== true;
    if (isStepped) lanes.push(talk.lane(60, async () => this.#stepWallClock()));
    return lanes;
  }

  /** Without another kill, until the last claim with a TTL of seconds has ended. */
  async #waitForOrphans(): Promise<void> {
    this.#whileDown();
    await using agent = await this.#start();
    const talk = this.#talk(agent);
    // Those that are active have no end of their own: their management nodes go.
    for (const visitor of this.#visitors) {
      while (!visitor.isAway) await visitor.step(talk);
    }
    const deadlineMs = performance.now() + 60_000;
    while (performance.now() < deadlineMs && this.#ledger.endingClaims > 0) {
      await read(talk);
      await pause(3);
    }
    if (this.#ledger.endingClaims > 0) this.#ledger.violated("orphans never end");
  }

  #check(when: string): void {
    const { violations } = this.#ledger;
    if (violations.length === 0) return;
    throw new Error(
      `${when}: ${violations.length} violations:\n${violations.slice(0, 20).join("\n")}`,
    );
  }

  #summary(): RoundsSummary {
    return {
      rounds: this.#options.rounds,
      killsDuringStart: this.#duringStart,
      killsAmidStatements: this.#amidStatements,
      ...this.#counts,
      visitors: this.#visits,
      orphansExpired: this.#ledger.expired,
      latestEndMs: Math.round(this.#ledger.latestEndMs),
      agentEpoch: this.#identity?.epoch ?? 0,
      wallClockSteps: this.#wallClock?.steps ?? 0,
      reboots: this.#reboots,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]();
  }
}

async function read(talk: Talk): Promise<void> {
  const begun = talk.ledger.beginRead(talk.clock.now());
  const answer = await talk.ask(begun.sent, () => talk.client.claims(), false);
  if (answer === undefined) return;
  talk.ledger.endRead(begun, answer.value.claims, answer.at);
  talk.counts.reads += 1;
}

/**
 * Runs the rounds.
 *
 * @throws Error that lists what was lost, undone, early or late
 */
export async function runRounds(options: RoundsOptions): Promise<RoundsSummary> {
  await using rounds = await Rounds.begin(options);
  return await rounds.run();
}
