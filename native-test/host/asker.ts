// A management node that asks over and over: each question after the answer to the one before, as
// fast as the agent answers.

import { randomUUID } from "node:crypto";
import type { Report, VmsyncdClient } from "../../src/client/client.ts";
import type { PrivateHost } from "./private-host.ts";
import { isStop, saidOf } from "./said.ts";
import { waitUntil } from "./wait-until.ts";

export interface Answer {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly report: Report;
}

export interface AskerOptions {
  /** VMs that every other question names: the answers in between may leave them out. */
  readonly expect?: readonly string[];
  /** Its process table is read before and after each answer, and each lie is noted. */
  readonly witness?: Pick<PrivateHost, "qemuPids"> | undefined;
}

export type Heed = (answer: Answer) => void;

const completeWithinMs = 30_000;
/** Within so many complete observations a stop has to be found. */
const completeLooksMax = 2;

export class Asker {
  answers = 0;
  incomplete = 0;
  slowestMs = 0;
  /** Stops that were said of VMs whose QEMU lived from before the question to after the answer. */
  readonly lies: string[] = [];
  /** Told of each answer. */
  heed: Heed = () => {};
  readonly #client: VmsyncdClient;
  readonly #options: AskerOptions;
  /** Of its own: an agent hears one process only under one name. */
  readonly #id = `mn-${randomUUID()}`;
  #sequence = 0;

  constructor(client: VmsyncdClient, options: AskerOptions = {}) {
    this.#client = client;
    this.#options = options;
  }

  async ask(): Promise<Answer> {
    const { witness } = this.#options;
    const before = await witness?.qemuPids();
    const answer = await this.#ask();
    const after = await witness?.qemuPids();
    for (const [uuid, pid] of before ?? []) {
      const said = saidOf(answer.report, uuid);
      if (after?.get(uuid) === pid && isStop(said)) this.lies.push(`${said}: ${uuid} lives`);
    }
    this.heed(answer);
    return answer;
  }

  /** Asks until `work` has settled, and once more after that. */
  async during<T>(work: Promise<T>): Promise<T> {
    const over = new AbortController();
    const done = work.finally(() => over.abort());
    // It is awaited only after the questions.
    done.catch(() => {});
    while (!over.signal.aborted) await this.ask();
    await this.ask();
    return done;
  }

  /** Asks until an answer is complete. */
  async complete(): Promise<Answer> {
    return waitUntil("a complete report", completeWithinMs, async () => {
      const answer = await this.ask();
      return answer.report.observation.complete ? answer : undefined;
    });
  }

  /**
   * Asks until a stop is said of the VM, of which libvirt knows already.
   * @returns how many complete observations it took; throws if it took too many
   */
  async stopFound(uuid: string): Promise<number> {
    const said: string[] = [];
    while (said.length < completeLooksMax) {
      const { report } = await this.complete();
      said.push(saidOf(report, uuid));
      if (isStop(said.at(-1) ?? "")) return said.length;
    }
    throw new Error(`cannot find the stop of ${uuid}: complete reports said ${said.join(", ")}`);
  }

  /** For people: how many answers there were, and how late the latest. */
  summary(): string {
    const { answers, incomplete, slowestMs } = this;
    return `${answers} reports, ${incomplete} incomplete, the slowest after ${slowestMs.toFixed(0)} ms`;
  }

  async #ask(): Promise<Answer> {
    this.#sequence += 1;
    const isNaming = this.#sequence % 2 === 0;
    const managementNode = {
      id: this.#id,
      epoch: 1,
      instance: this.#id,
      sequence: this.#sequence,
    };
    const askedAtMs = performance.now();
    const report = await this.#client.sync({
      managementNode,
      skipList: [],
      expect: isNaming ? [...(this.#options.expect ?? [])] : [],
      include: ["libvirt"],
    });
    const answeredAtMs = performance.now();
    this.answers += 1;
    if (!report.observation.complete) this.incomplete += 1;
    this.slowestMs = Math.max(this.slowestMs, answeredAtMs - askedAtMs);
    return { askedAtMs, answeredAtMs, report };
  }
}
