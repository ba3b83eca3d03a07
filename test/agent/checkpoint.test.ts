// What is left of leases and TTLs is written down every ten seconds, so that a reboot and a crash
// take no more than that (G4).

import { beforeEach, describe, expect, test } from "vitest";
import { checkpointIntervalMs } from "../../src/agent/journal.ts";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { settle, StagedAgent } from "./staged-agent.ts";

const u = vm(1);
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

/** Seconds after which a checkpoint was just taken, and the next is ten seconds away. */
const untilSteady = 37;

/** When the checkpoints of a stretch of time were taken, in seconds since its beginning. */
async function checkpointsOver(seconds: number, tickMs?: number): Promise<number[]> {
  const fromMs = stage.nowMs;
  const written = stage.store.batches.length;
  await stage.listen(seconds, tickMs);
  return stage.store.batches.slice(written).map(({ checkpoint }) => {
    return (checkpoint.bootMs - fromMs) / 1000;
  });
}

describe("a checkpoint", () => {
  test("is taken soon after the start, then less and less often, at last every ten seconds", async () => {
    expect(checkpointIntervalMs).toBe(10_000);
    await stage.agent.heartbeat(node("mn-1", 1));
    const first = [0.25, 0.75, 1.75, 3.75, 7.75];
    expect(await checkpointsOver(45, 250)).toEqual([...first, 15.75, 25.75, 35.75]);
  });

  test("says which boot, and both of its clocks", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    await stage.listen(9);
    const { ms: bootMs, wallMs } = stage.now();
    expect(stage.store.batches.at(-1)?.checkpoint).toEqual({ bootId: "boot-1", bootMs, wallMs });
  });

  test("has what each node has left of its lease; a departed one has nothing", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    await stage.agent.heartbeat({ ...node("mn-2", 1), leaseSeconds: 60 });
    await stage.agent.heartbeat(node("mn-3", 1));
    await stage.agent.depart("mn-3", 1, "mn-1");
    await stage.listen(41);
    const left = stage.store.past.state?.nodes.map(({ id, leaseRemainingMs }) => {
      return [id, leaseRemainingMs];
    });
    expect(left?.toSorted()).toEqual([
      ["mn-1", 143_000],
      ["mn-2", 23_000],
      ["mn-3", 0],
    ]);
  });

  test.each([500, -500, 3_600_000, -3_600_000])(
    "is taken at once when the wall clock steps by %i ms",
    async (stepMs) => {
      await stage.agent.heartbeat(node("mn-1", 1));
      await stage.listen(untilSteady);
      stage.wallOffsetMs += stepMs;
      expect(await checkpointsOver(3)).toEqual([1]);
      expect(stage.store.batches.at(-1)?.checkpoint.wallMs).toBe(stage.now().wallMs - 2000);
    },
  );

  test("is not taken for less: the clock that is kept in step is no step", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    await stage.listen(untilSteady);
    stage.wallOffsetMs += 499;
    expect(await checkpointsOver(3)).toEqual([]);
  });

  test("is taken after a write that was under way when it was due", async () => {
    await stage.agent.claimAsOperator(statement(u));
    await stage.listen(3);
    stage.store.hold();
    void stage.agent.claimAsOperator(statement(vm(2)));
    await settle();
    stage.wallOffsetMs += 60_000;
    stage.nowMs += 100;
    stage.agent.tick();
    stage.store.release();
    await settle();
    expect(stage.store.past.state?.checkpoint.wallMs).toBe(stage.now().wallMs);
  });

  test("is not taken while nothing depends on time", async () => {
    expect(await checkpointsOver(30)).toEqual([]);
    await stage.agent.claimAsOperator(statement(u));
    expect((await checkpointsOver(30)).length).toBeGreaterThanOrEqual(3);
  });

  test("is taken while amnesia lasts, and when the agent is stopped", async () => {
    stage = await StagedAgent.start({ past: { amnesiaReason: "new-store" } });
    await stage.listen(untilSteady);
    expect((await checkpointsOver(30)).length).toBe(3);
    stage.nowMs += 700;
    await stage.agent.stop();
    expect(stage.store.batches.at(-1)?.checkpoint.bootMs).toBe(stage.nowMs);
  });

  test("brings a loop of crashes on: in runs of two seconds a silent node lapses all the same", async () => {
    await stage.agent.claim({ ...node("mn-1", 1), leaseSeconds: 20 }, statement(u));
    let runs = 0;
    while (stage.agent.status().orphanedClaims === 0 && runs < 200) {
      stage.nowMs += 30_000;
      stage = await stage.restarted();
      await stage.listen(2);
      runs += 1;
    }
    // 20 s, and a minute that starts prolong it by; of each run at least its first second counts.
    expect(runs).toBeGreaterThanOrEqual(40);
    expect(runs).toBeLessThanOrEqual(81);
  });
});

test("a loop of crashes within the first second cannot postpone a lapse for ever", async () => {
  await stage.agent.claim({ ...node("mn-1", 1), leaseSeconds: 20 }, statement(u));
  let runs = 0;
  while (stage.agent.status().orphanedClaims === 0 && runs < 400) {
    stage = await stage.restarted();
    await stage.listen(0.9, 250);
    runs += 1;
  }
  // 20 s, and a minute that starts prolong it by; of each run the first 0.25 or 0.75 s count.
  expect(runs).toBeGreaterThanOrEqual(80 / 0.9);
  expect(runs).toBeLessThanOrEqual(80 / 0.25 + 1);
});

describe("an orphan ends at its TTL", () => {
  test("within a second, however often the agent is killed and restarted", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.depart("mn-1", 1, "mn-2");
    const endsAtMs = stage.nowMs + 600_000;
    for (const seconds of [3, 50, 7, 400, 100, 30]) {
      stage.nowMs += seconds * 1000;
      stage.wallOffsetMs -= 1_000_000;
      stage = await stage.restarted();
      await stage.listen(1);
    }
    while (stage.nowMs < endsAtMs - 1)
      await stage.listen(Math.min(1, (endsAtMs - 1 - stage.nowMs) / 1000));
    expect(stage.live).toEqual(["mn-1 start 1"]);
    stage.nowMs = endsAtMs;
    stage.agent.tick();
    expect(stage.live).toEqual([]);
  });

  test("across a reboot: what was left at the checkpoint less the wall time since", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.depart("mn-1", 1, "mn-2");
    await stage.listen(105);
    const { ms, wallMs } = stage.now();
    const checkpointMs = stage.store.past.state?.checkpoint.bootMs ?? 0;
    expect(ms - checkpointMs).toBeLessThan(10_000);
    const leftMs = 600_000 - (checkpointMs - 100) - 60_000 - (ms - checkpointMs);
    const again = await stage.restarted({
      bootId: "boot-2",
      nowMs: 5000,
      wallOffsetMs: wallMs + 60_000 - 5000,
    });
    const [claim] = again.agent.claims().claims;
    expect((claim?.orphan?.expiresAtMs ?? 0) - again.nowMs).toBe(leftMs);
  });

  test("across a second reboot just after: its rows are those of the new boot", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.depart("mn-1", 1, "mn-2");
    const wallMs = stage.now().wallMs;
    for (const [bootId, laterMs] of [
      ["boot-2", 60_000],
      ["boot-3", 120_000],
      ["boot-3", 130_000],
    ] as const) {
      const nowMs = bootId === "boot-3" ? laterMs : 20_000;
      const wallOffsetMs = wallMs + laterMs - nowMs;
      stage = await stage.restarted({ bootId, nowMs, wallOffsetMs });
      const [claim] = stage.agent.claims().claims;
      expect((claim?.orphan?.expiresAtMs ?? 0) - nowMs).toBe(600_000 - laterMs);
    }
  });

  test("also where the boot-time clock went back within one boot", async () => {
    stage = await StagedAgent.start({ nowMs: 5_000_000 });
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.depart("mn-1", 1, "mn-2");
    const wallMs = stage.now().wallMs;
    for (const nowMs of [10_000, 40_000]) {
      const laterMs = nowMs;
      stage = await stage.restarted({ nowMs, wallOffsetMs: wallMs + laterMs - nowMs });
      const [claim] = stage.agent.claims().claims;
      expect((claim?.orphan?.expiresAtMs ?? 0) - nowMs).toBe(600_000 - laterMs);
    }
  });
});
