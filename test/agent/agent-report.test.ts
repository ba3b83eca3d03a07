// What the agent reports while claims come and go between a look and its report.

import { beforeEach, describe, expect, test } from "vitest";
import type { Look } from "../../src/agent/answers.ts";
import { domain, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { accepted, settle, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const stopped = { domains: [domain(u, 5), domain(v, 5)] };

let stage: StagedAgent;
let sequence: number;

beforeEach(async () => {
  stage = await StagedAgent.start();
  sequence = 0;
});

async function claim(vmUuid: string): Promise<void> {
  stage.nowMs += 1;
  sequence += 1;
  await accepted(stage.agent.claim(node("mn-1", sequence), statement(vmUuid)));
}

async function continueClaim(vmUuid: string): Promise<void> {
  stage.nowMs += 1;
  const key = { vmUuid, operationId: "start" };
  await accepted(stage.agent.continueOperation(key, { owner: "mn-1" }));
}

/** Where each of the VMs stands in the report on a look that is sent now. */
function placesIn(look: Look): Record<string, string> {
  const { states, skipped, withheld } = stage.report(look, [u, v]).filtered;
  const places: Record<string, string> = { ...states };
  for (const { vmUuid } of skipped) places[vmUuid] = "skipped";
  for (const { vmUuid, reasons } of withheld) places[vmUuid] = reasons.join();
  return places;
}

describe("a report", () => {
  test("says Stopped of what was stopped, named or not, where nobody claims it", async () => {
    const look = stage.agent.observe();
    await stage.see({ domains: [domain(u, 5)] });
    expect(placesIn(await look)).toEqual({ [u]: "Stopped", [v]: "Stopped" });
  });

  test("skips a VM that was claimed before the look", async () => {
    await claim(u);
    const look = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await look)).toEqual({ [u]: "skipped", [v]: "Stopped" });
  });

  test("skips a VM that was claimed during the look", async () => {
    const look = stage.agent.observe();
    await claim(u);
    await stage.see(stopped);
    expect(placesIn(await look)).toEqual({ [u]: "skipped", [v]: "Stopped" });
  });

  test("skips a VM that was claimed after the look and before the sending", async () => {
    const look = stage.agent.observe();
    await stage.see(stopped);
    await claim(u);
    expect(placesIn(await look)).toEqual({ [u]: "skipped", [v]: "Stopped" });
  });

  test("skips a VM whose claim came and went within the window", async () => {
    const look = stage.agent.observe();
    await claim(u);
    await continueClaim(u);
    await stage.see(stopped);
    await claim(v);
    await continueClaim(v);
    expect(placesIn(await look)).toEqual({ [u]: "skipped", [v]: "skipped" });
  });

  test("still skips a VM whose claim was continued during the look; the next look judges it", async () => {
    await claim(u);
    const first = stage.agent.observe();
    await continueClaim(u);
    const second = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await first)).toMatchObject({ [u]: "skipped" });
    await stage.see(stopped);
    expect(placesIn(await second)).toEqual({ [u]: "Stopped", [v]: "Stopped" });
  });

  test("still skips it while the next look is under way already: the memory covers the last window", async () => {
    await claim(u);
    const first = stage.agent.observe();
    await continueClaim(u);
    void stage.agent.observe();
    await stage.see(stopped);
    expect(stage.looks).toBe(2);
    expect(placesIn(await first)).toMatchObject({ [u]: "skipped", [v]: "Stopped" });
  });

  test("that is held beyond the next look says no stop any more, by name or by absence", async () => {
    await claim(u);
    const first = stage.agent.observe();
    await continueClaim(u);
    for (let looks = 0; looks < 3; looks += 1) {
      void stage.agent.observe();
      await stage.see(stopped);
    }
    expect(placesIn(await first)).toEqual({ [u]: "claim-memory-cut", [v]: "claim-memory-cut" });
    expect(stage.report(await first, []).filtered.absentMeans).toBe("unknown");
  });

  test("carries the skip revision of the start of its look, and an id of its own", async () => {
    await claim(u);
    const look = stage.agent.observe();
    await claim(v);
    await stage.see(stopped);
    await claim(vm(3));
    const reports = [stage.report(await look, []), stage.report(await look, [])];
    expect(reports.map(({ skipRevision }) => skipRevision)).toEqual([1, 1]);
    expect(new Set(reports.map(({ reportId }) => reportId)).size).toBe(2);
    expect(stage.agent.claims().skipRevision).toBe(3);
  });

  test("says whether its look was complete, and withholds what an incomplete one suggests", async () => {
    const look = stage.agent.observe();
    await stage.see({ ...stopped, processesWhole: false });
    expect(stage.report(await look, []).complete).toBe(false);
    const withheld = "observation-incomplete";
    expect(placesIn(await look)).toEqual({ [u]: withheld, [v]: withheld });
  });

  test("says since when a stop has been withheld, over looks", async () => {
    const alive = { domains: [domain(u, 5)], qemus: [u] };
    const looks: Look[] = [];
    for (let count = 0; count < 3; count += 1) {
      const look = stage.agent.observe();
      await stage.see(alive);
      looks.push(await look);
    }
    const [first] = looks;
    const since = looks.map((look) => stage.report(look, []).filtered.withheld[0]?.since);
    expect(new Set(since)).toEqual(new Set([first?.judgement.observation.startedAt]));
  });
});

describe("an end that is not durable yet", () => {
  test("does not count: the VM is skipped until the disk has acknowledged it", async () => {
    await claim(u);
    stage.store.hold();
    const key = { vmUuid: u, operationId: "start" };
    const answer = stage.agent.continueOperation(key, { owner: "mn-1" });
    const during = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await during)).toMatchObject({ [u]: "skipped", [v]: "Stopped" });
    const before = stage.agent.observe();
    await settle();
    stage.nowMs += 1;
    stage.store.release();
    expect(await answer).toMatchObject({ durable: true });
    await stage.see(stopped);
    expect(placesIn(await before), "it ended after this look began").toMatchObject({
      [u]: "skipped",
    });
    const after = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await after)).toMatchObject({ [u]: "Stopped" });
  });

  test("of a list does not count either", async () => {
    await claim(u);
    stage.store.hold();
    const answer = stage.agent.sync(node("mn-1", 9), []);
    const look = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await look)).toMatchObject({ [u]: "skipped", [v]: "Stopped" });
    stage.store.release();
    await answer;
  });
});

describe("a report in amnesia", () => {
  test("withholds every stop and says that it lasts, until it has ended for a whole window", async () => {
    stage = await StagedAgent.start({ past: { amnesiaReason: "new-store" } });
    const first = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await first)).toEqual({ [u]: "amnesia", [v]: "amnesia" });
    expect(stage.report(await first).amnesia).toMatchObject({ reason: "new-store" });
    const second = stage.agent.observe();
    await stage.see(stopped);
    expect(await stage.agent.endAmnesia("operator")).toEqual({ ended: true, durable: true });
    expect(placesIn(await second)).toEqual({ [u]: "amnesia", [v]: "amnesia" });
    const third = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await third)).toEqual({ [u]: "Stopped", [v]: "Stopped" });
    expect(await stage.agent.endAmnesia("operator")).toMatchObject({ ended: false });
  });

  test("finds an end of its time that is due, and one of a TTL, when it is sent", async () => {
    await claim(u);
    await stage.agent.depart("mn-1", 1, "operator");
    stage.nowMs += 599_000;
    const look = stage.agent.observe();
    await stage.see(stopped);
    stage.nowMs += 3000;
    expect(placesIn(await look), "it lived when the look began").toMatchObject({ [u]: "skipped" });
    expect(stage.live, "and is over").toEqual([]);
  });
});

describe("a look", () => {
  test("that is asked for during another begins after it, and is shared", async () => {
    const first = stage.agent.observe();
    const later = [stage.agent.observe(), stage.agent.observe()];
    await stage.see();
    await stage.see();
    const looks = await Promise.all([first, ...later]);
    expect(stage.looks).toBe(2);
    expect(looks[1]).toBe(looks[2]);
    expect(looks[1]).not.toBe(looks[0]);
  });

  test("that fails against its promise fails who asked, and not the next", async () => {
    const failed = stage.agent.observe().catch((error: Error) => error.message);
    await stage.failLook(new Error("broken"));
    expect(await failed).toBe("broken");
    const next = stage.agent.observe();
    await stage.see(stopped);
    expect(placesIn(await next)).toEqual({ [u]: "Stopped", [v]: "Stopped" });
  });
});
