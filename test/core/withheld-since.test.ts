import { describe, expect, test } from "vitest";
import { judge } from "../../src/core/judgement.ts";
import { filterReport, trackWithheld, type WithheldSince } from "../../src/core/report.ts";
import { at, domain, type Sighting, sighting, vm } from "./sightings.ts";
import { Stage } from "./stage.ts";

const u = vm(1);
const runningWithoutProcess = { domains: [domain(u, 1), domain(vm(2), 1)], qemus: [vm(2)] };
const running = { domains: [domain(u, 1)], qemus: [u] };

/** What the last of some looks, 10 ms apart, says of `u`: withheld since when. */
function sinceAfter(...looks: readonly Sighting[]): number | undefined {
  let since: WithheldSince = new Map();
  let last: number | undefined;
  for (const [number, look] of looks.entries()) {
    const judgement = judge(sighting({ ...look, startedAt: at(10 * number) }));
    since = trackWithheld(since, judgement);
    const { withheld } = filterReport(judgement, new Stage().skipList, [u], since);
    last = withheld.find(({ vmUuid }) => vmUuid === u)?.since.ms;
  }
  return last;
}

describe("a VM whose stop is withheld", () => {
  test("has been so since the first look of an unbroken row", () => {
    expect(sinceAfter(running, runningWithoutProcess, runningWithoutProcess)).toBe(10);
  });

  test("stays so through another reason", () => {
    const shutOffAlive = { domains: [domain(u, 5)], qemus: [u] };
    expect(sinceAfter(runningWithoutProcess, shutOffAlive)).toBe(0);
  });

  test("begins anew after a look that gave it a state", () => {
    expect(sinceAfter(runningWithoutProcess, running, runningWithoutProcess)).toBe(20);
  });

  test("begins anew after a complete look in which it was absent", () => {
    expect(sinceAfter(runningWithoutProcess, {}, runningWithoutProcess)).toBe(20);
  });

  test("stays so through a look to which libvirt did not answer: that one says nothing", () => {
    const unanswered = { domains: "unknown" } as const;
    expect(sinceAfter(runningWithoutProcess, unanswered)).toBe(0);
    expect(sinceAfter(runningWithoutProcess, unanswered, runningWithoutProcess)).toBe(0);
  });

  test("begins anew after an incomplete look that gave it a state", () => {
    const runningSeen = { ...running, processesWhole: false };
    expect(sinceAfter(runningWithoutProcess, runningSeen, runningWithoutProcess)).toBe(20);
  });
});
