// Hundreds of transient domains are created and destroyed, four at a time and each under the uuid of
// the one before, while a management node asks all the time. What is true is read from virsh and from
// the process table: what held from before a question to after its answer, the answer must say.
//
// VMSYNCD_CYCLES sets how many; 300 at least.

import { expect, test } from "vitest";
import type { Answer } from "../host/asker.ts";
import type { DomainSpec } from "../host/domain-xml.ts";
import { HostWithAgent } from "../host/host-with-agent.ts";
import { domainSpecs } from "../host/populated-host.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { isStop, saidOf } from "../host/said.ts";
import { untilQemuGone } from "../host/stopped.ts";
import { waitUntil } from "../host/wait-until.ts";

const cyclesMin = 300;
const cycles = Math.max(cyclesMin, Number(process.env["VMSYNCD_CYCLES"] ?? cyclesMin));
const lanes = domainSpecs("cycled", 4, 100);
/** Every so many cycles a lane lets a question and its answer pass, while its VM is there and after. */
const calmEvery = 3;
/** What the product promises: twice the limit of an observation and half a second. */
const answerLimitMs = 2_500;
/** No cycle takes as long, on however busy a machine. */
const cycleMsMax = 5_000;

/** What is known of a VM: it is there, paused; it is gone; or just on its way to the other. */
type Truth = "there" | "gone" | "changing";

/** What is known of each VM, and whether that has changed since. */
class Truths {
  readonly #known = new Map<string, { readonly truth: Truth }>();

  set(uuid: string, truth: Truth): void {
    this.#known.set(uuid, { truth });
  }

  /** What is known now. */
  all(): ReadonlyMap<string, { readonly truth: Truth }> {
    return new Map(this.#known);
  }

  /** Whether what was known at `before` has held all the time since. */
  hasHeld(uuid: string, before: { readonly truth: Truth }): boolean {
    return this.#known.get(uuid) === before;
  }
}

/** Whether a complete report may say this of a VM that was there, or gone, all the time. */
function isTrue(said: string, truth: Truth): boolean {
  return truth === "there" ? said === "Paused" : isStop(said);
}

/** Resolves when neither the process table nor virsh shows it. */
async function untilGone(host: PrivateHost, vm: DomainSpec): Promise<void> {
  await untilQemuGone(host, vm);
  await waitUntil(`virsh not to list ${vm.name}`, 30_000, async () => {
    const names = (await host.virsh("list", "--all", "--name")).split("\n");
    return names.some((line) => line.trim() === vm.name) ? undefined : true;
  });
}

test(`${cycles} cycles: what virsh and the process table show all the time is what is said`, {
  timeout: cycles * cycleMsMax,
}, async () => {
  await using pair = await HostWithAgent.start();
  const { host } = pair;
  const asker = pair.asker({ expect: lanes.map(({ uuid }) => uuid) });
  const truths = new Truths();
  for (const { uuid } of lanes) truths.set(uuid, "gone");
  await asker.complete();

  const contradictions: string[] = [];
  const judged = { there: 0, gone: 0 };
  let before = truths.all();
  let heeded = 0;
  asker.heed = ({ report }: Answer) => {
    const { complete } = report.observation;
    if (!complete && report.absentMeans !== "unknown")
      contradictions.push("incomplete, yet stopped");
    for (const [uuid, known] of complete ? before : []) {
      if (known.truth === "changing" || !truths.hasHeld(uuid, known)) continue;
      judged[known.truth] += 1;
      const said = saidOf(report, uuid);
      if (!isTrue(said, known.truth)) contradictions.push(`${uuid} is ${known.truth}: ${said}`);
    }
    heeded += 1;
  };

  let begun = 0;
  /** Resolves when a whole question was asked and answered from now on. */
  const aQuestion = async (): Promise<void> => {
    // The first of the two may have been asked before.
    const wanted = heeded + 2;
    await waitUntil("two answers", 30_000, () => (heeded >= wanted ? true : undefined));
  };
  const lane = async (vm: DomainSpec): Promise<void> => {
    while (begun < cycles) {
      const isCalm = begun % calmEvery === 0;
      begun += 1;
      truths.set(vm.uuid, "changing");
      await host.create(vm, { paused: true });
      truths.set(vm.uuid, "there");
      if (isCalm) await aQuestion();
      truths.set(vm.uuid, "changing");
      await host.destroy(vm.name);
      await untilGone(host, vm);
      truths.set(vm.uuid, "gone");
      if (isCalm) await aQuestion();
    }
  };
  const over = new AbortController();
  const work = Promise.all(lanes.map(lane)).finally(() => over.abort());
  // It is awaited only after the questions.
  work.catch(() => {});
  while (!over.signal.aborted) {
    before = truths.all();
    await asker.ask();
  }
  await work;

  before = truths.all();
  const { report } = await asker.complete();
  console.log(
    `${begun} cycles: ${asker.summary()}; a VM was there all the time of an answer ` +
      `${judged.there} times, gone ${judged.gone} times`,
  );
  expect(contradictions).toEqual([]);
  expect(asker.lies).toEqual([]);
  expect(asker.slowestMs).toBeLessThan(answerLimitMs);
  // One for each calm cycle, but for answers that were incomplete.
  const judgedMin = cycles / calmEvery / 2;
  expect(judged.there).toBeGreaterThan(judgedMin);
  expect(judged.gone).toBeGreaterThan(judgedMin);
  for (const { uuid } of lanes) expect(saidOf(report, uuid)).toSatisfy(isStop);
  expect(report.absentMeans).toBe("stopped");
  expect([...(await host.qemuPids())]).toEqual([]);
});
