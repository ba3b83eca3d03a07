// The start of a run: the agent epoch rises durably, and where claims may be unknown that is said.

import { beforeEach, describe, expect, test } from "vitest";
import { amnesiaReasons } from "../../src/core/amnesia.ts";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { MemoryStore } from "./memory-store.ts";
import { isSettled, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

describe("a start on an intact store", () => {
  test("keeps its id and raises the agent epoch, durably before it is out", async () => {
    const runs = [stage.agent.run];
    for (let start = 0; start < 3; start += 1) {
      stage = await stage.restarted();
      expect(stage.store.past.state?.run).toEqual(stage.agent.run);
      runs.push(stage.agent.run);
    }
    expect(runs).toEqual([1, 2, 3, 4].map((agentEpoch) => ({ storeId: "store-1", agentEpoch })));
  });

  test("is no amnesia", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    const again = await stage.restarted();
    expect(again.agent.amnesia()).toBeUndefined();
    const later = await stage.restarted({ bootId: "boot-2", nowMs: 10 });
    expect(later.agent.amnesia()).toBeUndefined();
  });

  test("gives out no revision twice: the epoch tells those of one run from another's", async () => {
    const first = await stage.agent.claim(node("mn-1", 1), statement(u));
    const again = await stage.restarted();
    const second = await again.agent.claim(node("mn-1", 2), statement(v));
    expect([stage.agent.run.agentEpoch, again.agent.run.agentEpoch]).toEqual([1, 2]);
    expect(first).toHaveProperty("skipRevision");
    expect(second).toHaveProperty("skipRevision");
  });

  test("is in the history with version, store and epoch", async () => {
    const [entry] = (await stage.entries()).slice(-1);
    expect(entry).toMatchObject({ kind: "agent-started", by: "agent", atWallMs: 1e9 + 100 });
    expect(entry?.detail).toBe("version 1.2.3, store store-1, agent epoch 1");
  });

  test("that waits for a slow disk is not out before its epoch is durable", async () => {
    const store = new MemoryStore();
    store.hold();
    let isOut = false;
    const start = StagedAgent.start({ store }).then(() => (isOut = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isOut, store.waiting]).toEqual([false, 1]);
    store.release();
    await start;
    expect(store.batches[0]?.run.agentEpoch).toBe(1);
  });
});

// Nothing ticks before the start is over, and nothing else tells how long the disk takes.
test.fails("a start on a disk that hangs is over within the limit, as one that cannot be written", async () => {
  const store = new MemoryStore();
  store.hold();
  expect(await isSettled(StagedAgent.start({ store }))).toBe(true);
});

describe.each(amnesiaReasons)("amnesia because of a %s", (amnesiaReason) => {
  test("begins with a new store id, and is declared, logged, stored and in the history", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    const { state } = stage.store.past;
    const again = await stage.restarted({ past: { state, amnesiaReason, detail: "moved to x" } });
    expect(again.agent.run.storeId).not.toBe("store-1");
    expect(again.agent.run.agentEpoch).toBe(2);
    expect(again.agent.amnesia()).toEqual({
      reason: amnesiaReason,
      since: again.now(),
      endsAtMs: again.nowMs + 600_000,
      waitingFor: [],
    });
    expect(again.live, "what is known is kept").toEqual(["mn-1 start 1"]);
    expect(again.store.past.state?.amnesia).toMatchObject({ reason: amnesiaReason });
    expect(await again.history()).toContain(`amnesia-began: ${amnesiaReason}`);
  });

  test("goes on over restarts with what was left of it, and ends once", async () => {
    const store = new MemoryStore();
    stage = await StagedAgent.start({ store, past: { amnesiaReason } });
    const { storeId } = stage.agent.run;
    const endsAtMs = stage.nowMs + 600_000;
    for (let start = 0; start < 3; start += 1) {
      stage.nowMs += 100_000;
      stage = await stage.restarted();
      expect(stage.agent.amnesia()?.endsAtMs).toBe(endsAtMs);
    }
    expect(stage.agent.run).toEqual({ storeId, agentEpoch: 4 });
    stage.nowMs = endsAtMs;
    await stage.listen(1);
    expect(stage.agent.amnesia()).toBeUndefined();
    stage = await stage.restarted();
    expect(stage.agent.amnesia()).toBeUndefined();
    const ends = (await stage.history()).filter((entry) => entry.startsWith("amnesia-"));
    expect(ends).toEqual([`amnesia-began: ${amnesiaReason}`, "amnesia-ended: elapsed"]);
  });
});

describe("amnesia", () => {
  const policy = { managementNodes: ["mn-1", "mn-2"] };

  beforeEach(async () => {
    stage = await StagedAgent.start({ policy, past: { amnesiaReason: "new-store" } });
  });

  const knowing = (id: string, sequence = 1) => ({ ...node(id, sequence), ...stage.agent.run });

  test("ends by the whole lists of all that are configured, which echo store and epoch", async () => {
    await stage.agent.sync(knowing("mn-1"), [statement(u)]);
    expect(stage.agent.amnesia()?.waitingFor).toEqual(["mn-2"]);
    await stage.agent.sync(knowing("mn-2"), []);
    expect(stage.agent.amnesia()).toBeUndefined();
    expect(stage.live).toEqual(["mn-1 start 1"]);
    const again = await stage.restarted();
    expect(again.agent.amnesia()).toBeUndefined();
    expect(await again.history()).toContain("amnesia-ended: all-lists-heard");
  });

  test("does not end by a sync without a list, a heartbeat, a claim or a list that is refused", async () => {
    await stage.agent.sync(knowing("mn-2"), []);
    await stage.agent.sync(knowing("mn-1"), undefined);
    await stage.agent.heartbeat(knowing("mn-1", 2));
    await stage.agent.claim(knowing("mn-1", 3), statement(u));
    await stage.agent.sync(node("mn-1", 5), []);
    const stale = await stage.agent.sync(knowing("mn-1", 4), []);
    expect(stale).toMatchObject({ code: "stale-list" });
    const stranger = { ...knowing("mn-1", 9), instance: "another" };
    expect(await stage.agent.sync(stranger, [])).toMatchObject({ code: "instance-conflict" });
    expect(stage.agent.amnesia()?.waitingFor).toEqual(["mn-1"]);
  });

  test("counts lists of this run alone: after a restart they are sent anew", async () => {
    await stage.agent.sync(knowing("mn-1"), []);
    stage = await stage.restarted();
    expect(stage.agent.amnesia()?.waitingFor).toEqual(["mn-1", "mn-2"]);
    await stage.agent.sync({ ...knowing("mn-2"), agentEpoch: 1 }, []);
    expect(stage.agent.amnesia()?.waitingFor).toEqual(["mn-1", "mn-2"]);
    await stage.agent.sync(knowing("mn-2", 2), []);
    await stage.agent.sync(knowing("mn-1", 2), []);
    expect(stage.agent.amnesia()).toBeUndefined();
  });

  test("ended by the operator is ended durably, and who did it is known", async () => {
    expect(await stage.agent.endAmnesia("operator")).toEqual({ ended: true, durable: true });
    stage = await stage.restarted();
    expect(stage.agent.amnesia()).toBeUndefined();
    const entry = (await stage.entries()).find(({ kind }) => kind === "amnesia-ended");
    expect(entry).toMatchObject({ by: "operator", cause: "operator" });
  });

  test("that goes on is logged at each start", async () => {
    expect(stage.agent.amnesia()).toBeDefined();
    stage = await stage.restarted();
    expect(stage.startLines).toContainEqual([
      "warn claims may be unknown: nothing is called stopped",
      expect.objectContaining({ reason: stage.agent.amnesia()?.reason }),
    ]);
    await stage.agent.endAmnesia("operator");
    stage = await stage.restarted();
    expect(stage.startLines).toEqual([]);
  });

  test("whose end could not be stored is back after a restart", async () => {
    stage.store.failWith("full");
    expect(await stage.agent.endAmnesia("operator")).toEqual({ ended: true, durable: false });
    stage.store.failWith(undefined);
    stage = await stage.restarted();
    expect(stage.agent.amnesia()).toBeDefined();
  });
});

describe("a start that cannot be written", () => {
  test("is that of another store, with amnesia, and keeps what is known", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    const store = stage.store.restarted();
    store.failWith("read-only");
    const again = await stage.restarted({ store });
    expect(again.agent.run.storeId).not.toBe("store-1");
    expect(again.agent.amnesia()?.reason).toBe("unwritable-store");
    expect(again.live).toEqual(["mn-1 start 1"]);
    await again.listen(1);
    expect(again.agent.status().store).toMatchObject({ writable: false, code: "read-only" });
  });

  test("is followed by the next number of the store if nothing was written ever after", async () => {
    const store = stage.store.restarted();
    store.failWith("full");
    const unwritten = await stage.restarted({ store });
    store.failWith(undefined);
    const next = await unwritten.restarted();
    expect(next.agent.run).toEqual({ storeId: "store-1", agentEpoch: 2 });
    expect(next.agent.amnesia()).toBeUndefined();
  });

  test("and becomes writable has its new id and its amnesia stored", async () => {
    const store = stage.store.restarted();
    store.failWith("full");
    const again = await stage.restarted({ store });
    store.failWith(undefined);
    await again.listen(2);
    expect(store.past.state?.run).toEqual(again.agent.run);
    const next = await again.restarted();
    expect(next.agent.run).toEqual({ storeId: again.agent.run.storeId, agentEpoch: 3 });
    expect(next.agent.amnesia()?.reason).toBe("unwritable-store");
  });

  test("is logged with one warning of the store and one of the amnesia", async () => {
    const store = new MemoryStore();
    store.failWith("full");
    const again = await StagedAgent.start({ store, past: { amnesiaReason: "new-store" } });
    await again.listen(5);
    expect([...again.startLines, ...again.lines].map(([line]) => line)).toEqual([
      "warn the store cannot be written",
      "warn claims may be unknown: nothing is called stopped",
    ]);
    expect(again.agent.status().store).toMatchObject({ writable: false, code: "full" });
    store.failWith(undefined);
    await again.listen(2);
    expect(again.lines.map(([line]) => line)).toEqual(["info the store can be written again"]);
  });

  test("keeps the reason that the store gave", async () => {
    const store = new MemoryStore();
    store.failWith("failed");
    const again = await StagedAgent.start({ store, past: { amnesiaReason: "damaged-store" } });
    expect(again.agent.amnesia()?.reason).toBe("damaged-store");
  });
});

test("a start of which nothing is known is one of a new store", async () => {
  stage = await StagedAgent.start({ past: {} });
  expect(stage.agent.amnesia()?.reason).toBe("new-store");
});

test("a damaged store that was set aside is in the history with where it is", async () => {
  const past = { amnesiaReason: "damaged-store", detail: "moved to store.2026" } as const;
  stage = await StagedAgent.start({ past });
  const entry = (await stage.entries()).find(({ kind }) => kind === "store-set-aside");
  expect(entry).toMatchObject({ by: "agent", detail: "moved to store.2026" });
});
