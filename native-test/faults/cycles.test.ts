// Domains are made and destroyed over and over while a management node asks: what the report says of
// each agrees with virsh and with the process table, beyond the time that the question itself takes.
//
// VMSYNCD_CYCLES asks for more cycles; nothing makes them fewer.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Answer } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainSpecs } from "../host/populated-host.ts";
import { isStop, saidOf } from "../host/said.ts";
import { untilStopped } from "../host/stopped.ts";

const cycles = Math.max(300, Number(process.env["VMSYNCD_CYCLES"] ?? 0));
const cycleMsMost = 10_000;
/** Made and destroyed at the same time; not more than may vanish at once without a word. */
const lanes = domainSpecs("cycle", 3, 700);

let pair: HostWithAgent;
beforeAll(async () => {
  pair = await HostWithAgent.start();
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
});

/** What is a fact of a domain since a moment, until something is done to it again. */
interface Fact {
  readonly is: "alive" | "gone";
  readonly sinceMs: number;
  /** Resolves when an answer was held against it. */
  readonly held: PromiseWithResolvers<void>;
}

function factNow(is: Fact["is"]): Fact {
  return { is, sinceMs: performance.now(), held: Promise.withResolvers<void>() };
}

class Lane {
  readonly domain: DomainSpec;
  /** What is so; undefined while something is done to it. */
  fact: Fact | undefined;

  constructor(domain: DomainSpec) {
    this.domain = domain;
  }

  /** Virsh has made it, and its QEMU is seen; then virsh has destroyed it, and neither shows it. */
  async cycle(): Promise<void> {
    const { host } = pair;
    await this.#become("alive", async () => {
      await host.create(this.domain, { paused: true });
      const isSeen = (await host.qemuPids()).has(this.domain.uuid);
      if (!isSeen) throw new Error(`cannot see the QEMU of ${this.domain.name}: virsh made it`);
    });
    await this.#become("gone", async () => {
      await host.destroy(this.domain.name);
      await untilStopped(host, this.domain);
    });
  }

  async #become(is: Fact["is"], act: () => Promise<void>): Promise<void> {
    this.fact = undefined;
    await act();
    this.fact = factNow(is);
    await this.fact.held.promise;
  }
}

/** What an answer says against a fact that held from before its question to after its coming. */
function contradiction(said: string, { is }: Fact, isComplete: boolean): string | undefined {
  if (is === "alive") {
    if (isStop(said)) return `${said}, and it lives`;
    return isComplete && said !== "Paused" ? `${said}, and it is paused` : undefined;
  }
  if (said === "Paused" || said === "Running") return `${said}, and it is gone`;
  return isComplete && !isStop(said) ? `${said}, and it is gone` : undefined;
}

test(`${cycles} domains made and destroyed: no report contradicts virsh and the processes`, {
  timeout: cycles * cycleMsMost,
}, async () => {
  const asker = pair.asker({ expect: lanes.map(({ uuid }) => uuid) });
  const all = lanes.map((domain) => new Lane(domain));
  const contradictions: string[] = [];
  const held = { alive: 0, gone: 0 };
  asker.heed = ({ askedAtMs, report }: Answer) => {
    for (const { domain, fact } of all) {
      if (fact === undefined || fact.sinceMs > askedAtMs) continue;
      held[fact.is] += 1;
      fact.held.resolve();
      const said = saidOf(report, domain.uuid);
      const wrong = contradiction(said, fact, report.observation.complete);
      if (wrong !== undefined) contradictions.push(`${domain.name}: ${wrong}`);
    }
  };
  let begun = 0;
  const runs = all.map(async (lane) => {
    while (begun < cycles) {
      begun += 1;
      await lane.cycle();
    }
  });
  await asker.during(Promise.all(runs));
  console.log(
    `${begun} cycles: ${asker.summary()}; held against ${held.alive} facts of life and ${held.gone} of its end`,
  );
  expect(contradictions).toEqual([]);
  expect(asker.lies).toEqual([]);
});
