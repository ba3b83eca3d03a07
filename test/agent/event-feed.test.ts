import { beforeEach, describe, expect, test } from "vitest";
import { type EventPosition, eventConsumersMax } from "../../src/agent/event-feed.ts";
import { StoreFailure } from "../../src/agent/ports.ts";
import { domain, type Sighting, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { MemoryStore } from "./memory-store.ts";
import { RecordingConsumer } from "./recording-consumer.ts";
import { batch } from "../store/records.ts";
import { accepted, settle, StagedAgent } from "./staged-agent.ts";

const [u, v, w] = [vm(1), vm(2), vm(3)];
const off = { domains: [domain(u, 5)] };

let stage: StagedAgent;
let sequence: number;
beforeEach(async () => {
  stage = await StagedAgent.start();
  sequence = 0;
});

function follow(after?: EventPosition, kinds?: readonly string[]) {
  const consumer = new RecordingConsumer();
  const ended = stage.agent.watchers.events.follow(consumer, after, (entry) => {
    return kinds === undefined || kinds.includes(entry.kind);
  });
  return { consumer, ended };
}

async function claim(vmUuid = u, operationId = "start"): Promise<void> {
  stage.nowMs += 1;
  sequence += 1;
  await accepted(stage.agent.claim(node("mn-1", sequence), { ...statement(vmUuid), operationId }));
  await settle();
}

async function continueClaim(vmUuid = u): Promise<void> {
  await stage.agent.continueOperation({ vmUuid, operationId: "start" }, { owner: "mn-1" });
  await settle();
}

/** libvirt tells of a stop, which is written down. */
async function stops(vmUuid = u): Promise<void> {
  stage.agent.noteDomain({ kind: "stopped", vmUuid, cause: "destroyed" });
  await settle();
}

/** The look that is under way, or one that begins now, ends. */
async function see(of: Omit<Sighting, "startedAt"> = off): Promise<void> {
  await stage.see(of);
  await settle();
}

const here = (id: number): EventPosition => ({ storeId: stage.agent.run.storeId, id });

describe("who follows", () => {
  test("is told what happens from now on, in the order of ids", async () => {
    const { consumer } = follow();
    const before = consumer.begunAt ?? 0;
    await claim();
    await continueClaim();
    expect(consumer.told).toEqual([
      `${before + 1} node-heard`,
      `${before + 2} claim-made`,
      `${before + 3} claim-ended`,
    ]);
    expect(consumer.entries).toEqual((await stage.entries()).slice(-3));
  });

  test("is told again what came after an id, and goes on from there", async () => {
    await claim();
    await claim(v);
    const whole = follow(here(0)).consumer;
    await settle();
    expect(whole.entries).toEqual(await stage.entries());
    const { consumer } = follow(here(2));
    await continueClaim();
    expect(consumer.entries).toEqual((await stage.entries()).slice(2));
    expect(consumer.passedId).toBe(consumer.entries.at(-1)?.id);
  });

  test("is told only what it wants, and learns how far it has got", async () => {
    const { consumer } = follow(here(0), ["claim-ended"]);
    await claim();
    await continueClaim();
    await claim(v);
    expect(consumer.told).toHaveLength(1);
    expect(consumer.passedId).toBe((await stage.entries()).at(-1)?.id);
  });

  test("hears of nothing before it is durable", async () => {
    const { consumer } = follow();
    stage.store.hold();
    const claiming = stage.agent.claim(node("mn-1", 1), statement(u));
    await settle();
    expect(consumer.told).toEqual([]);
    stage.store.release();
    await accepted(claiming);
    await settle();
    expect(consumer.told).toHaveLength(2);
  });

  test("hears of starts, of libvirt's comings and goings, of nodes and of amnesia", async () => {
    const { consumer } = follow();
    stage.agent.noteDomain({ kind: "started", vmUuid: u });
    stage.agent.noteDomain({ kind: "resumed", vmUuid: u });
    stage.agent.noteLibvirt({ up: false, code: "closed", detail: "it is gone" });
    await stage.agent.depart("mn-1", 1, "mn-2");
    await accepted(
      stage.agent.heartbeat({ ...node("mn-2", 1), storeId: "store-1", agentEpoch: 9 }),
    );
    await stage.agent.endAmnesia("operator");
    stage.agent.tick();
    await settle();
    expect(consumer.told.map((text) => text.split(" ")[1])).toEqual([
      "vm-started",
      "libvirt-down",
      "node-heard",
      "amnesia-began",
      "amnesia-ended",
    ]);
  });

  test("is not sent more than it takes", async () => {
    const { consumer } = follow();
    consumer.pause();
    for (let count = 0; count < 5; count += 1) await claim(u, `op-${count}`);
    expect(consumer.told).toHaveLength(1);
    consumer.resume();
    await settle();
    expect(consumer.told).toHaveLength(6);
  });

  test("who is far behind reads from the store, page by page, and misses nothing", async () => {
    const { consumer } = follow();
    consumer.pause();
    await claim();
    const list = Array.from({ length: 1_500 }, (_, place) => {
      return { vmUuid: v, operationId: `op-${place}`, reason: "" };
    });
    await accepted(stage.agent.sync(node("mn-2", 1), list));
    await settle();
    consumer.resume();
    await settle();
    const ids = consumer.entries.map(({ id }) => id);
    const first = (consumer.begunAt ?? 0) + 1;
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, place) => first + place));
    expect(ids.at(-1)).toBe((await stage.entries()).at(-1)?.id);
    expect(ids.length).toBeGreaterThan(1_500);
  });

  test("is over when it goes away", async () => {
    const { consumer, ended } = follow();
    expect(stage.agent.watchers.status.eventConsumers).toBe(1);
    consumer.leave();
    await ended;
    await claim();
    expect(consumer.told).toEqual([]);
    expect(stage.agent.watchers.status).toMatchObject({
      eventConsumers: 0,
      eventConsumersTotal: 1,
      eventConsumersCutTotal: 0,
    });
  });

  test("is cut when the agent stops, as is who comes then", async () => {
    const { consumer, ended } = follow();
    stage.agent.watchers.release();
    await ended;
    const late = follow();
    await late.ended;
    expect([consumer.told, late.consumer.told]).toEqual([["cut stopping"], ["cut stopping"]]);
    expect(stage.agent.watchers.status.eventConsumersCutTotal).toBe(2);
  });

  test("is cut when the history cannot be read", async () => {
    await claim();
    // What this run has written is in memory; the rest is not.
    stage = await stage.restarted();
    await claim(v);
    stage.store.history = async () => {
      throw new StoreFailure("failed", "made up");
    };
    const { consumer, ended } = follow(here(1));
    await ended;
    expect(consumer.told).toEqual(["cut history-unreadable"]);
  });

  test(`is counted: ${eventConsumersMax} are, and one more is refused`, () => {
    const { events } = stage.agent.watchers;
    for (let count = 0; count < eventConsumersMax; count += 1) {
      expect(events.admits()).toBe(true);
      follow();
    }
    expect(events.admits()).toBe(false);
    expect(stage.agent.watchers.status.eventConsumersRefusedTotal).toBe(1);
  });
});

describe("a gap is told", () => {
  test("when the id is of another store, and all that is kept follows", async () => {
    await claim();
    const { consumer } = follow({ storeId: "another", id: 2 });
    await settle();
    expect(consumer.told[0]).toBe("gap other-store 1");
    expect(consumer.entries).toEqual(await stage.entries());
  });

  test("when the id is one that this store never gave", async () => {
    await claim();
    const { consumer } = follow(here(1_000_000));
    await settle();
    expect(consumer.told[0]).toBe("gap unknown-id 1");
    expect(consumer.entries).toEqual(await stage.entries());
  });

  test("when what came next is no longer kept, once", async () => {
    await claim();
    await claim(v);
    const whole = await stage.entries();
    stage = await stage.restarted({ store: new PrunedStore(stage.store.restarted(), 3) });
    const { consumer } = follow(here(1));
    await settle();
    expect(consumer.told.slice(0, 2)).toEqual(["gap too-old 3", `3 ${whole[2]?.kind}`]);
    expect(consumer.told.filter((text) => text.startsWith("gap"))).toHaveLength(1);
  });

  test("not to who asks for all that is kept", async () => {
    await claim();
    stage = await stage.restarted({ store: new PrunedStore(stage.store.restarted(), 3) });
    const { consumer } = follow(here(0));
    await settle();
    expect(consumer.told[0]).toMatch(/^3 /);
  });

  test("when nothing at all is kept", async () => {
    await claim();
    stage = await stage.restarted({ store: new PrunedStore(stage.store.restarted(), 1_000) });
    const last = (await stage.store.write(batch())) + 1;
    const { consumer } = follow(here(1));
    await settle();
    expect(consumer.told).toEqual([`gap too-old ${last}`]);
    await claim(v);
    expect(consumer.told[1]).toBe(`${last} claim-made`);
  });
});

// G1, G7, G8, G9: a stop is told only if a report that was sent now would say it.
describe("a stop", () => {
  const kinds = ["vm-stopped", "stop-said", "stop-withheld", "stop-acknowledged"];

  test("is told after a look that began when it was durable", async () => {
    const early = stage.agent.observe();
    await see({ domains: [domain(u, 1)], qemus: [u] });
    await early;
    const { consumer } = follow(undefined, kinds);
    await stops();
    expect(consumer.told).toEqual([]);
    await see();
    expect(consumer.entries).toMatchObject([{ kind: "vm-stopped", vmUuid: u, cause: "destroyed" }]);
  });

  test("is told of a VM whose absence means it", async () => {
    const { consumer } = follow(undefined, kinds);
    await stops();
    await see({});
    expect(consumer.entries).toMatchObject([{ kind: "vm-stopped", vmUuid: u }]);
  });

  const withheld = (detail: string) => {
    return { kind: "stop-withheld", vmUuid: u, by: "agent", detail: `withheld: ${detail}` };
  };

  test.each<[string, Omit<Sighting, "startedAt">, string]>([
    ["whose QEMU lives", { ...off, qemus: [u] }, "qemu-process-alive"],
    ["that runs again", { domains: [domain(u, 1)], qemus: [u] }, "it is Running now"],
    ["when the look was not complete", { domains: "unknown" }, "nothing is known of it now"],
  ])("is withheld of a VM %s", async (_what, of, detail) => {
    const { consumer } = follow(undefined, kinds);
    await stops();
    await see(of);
    expect(consumer.entries).toMatchObject([withheld(detail)]);
    // Not even why it ended is said.
    expect(consumer.entries[0]).not.toHaveProperty("cause");
  });

  test("is withheld of a VM that was claimed all along", async () => {
    const { consumer } = follow(undefined, kinds);
    await claim();
    await stops();
    await see();
    expect(consumer.entries).toMatchObject([withheld("skipped, an operation on it is in flight")]);
  });

  test("is withheld of a VM that is claimed at the moment of its delivery", async () => {
    const { consumer } = follow(undefined, kinds);
    await stops();
    await claim();
    await see();
    expect(consumer.entries).toMatchObject([withheld("skipped, an operation on it is in flight")]);
  });

  test("is withheld of a VM whose claim came and went within the look", async () => {
    const { consumer } = follow(undefined, kinds);
    await stops();
    await claim();
    await continueClaim();
    await see();
    expect(consumer.entries[0]?.kind).toBe("stop-withheld");
  });

  test("that was told already is withheld when it is told again of a VM that is claimed now", async () => {
    const first = follow(undefined, kinds).consumer;
    await stops();
    await see();
    expect(first.entries[0]?.kind).toBe("vm-stopped");
    await claim();
    const again = follow(here(first.begunAt ?? 0), kinds).consumer;
    await settle();
    expect(again.entries).toMatchObject([withheld("skipped, an operation on it is in flight")]);
  });

  test("that a report said, or that was acknowledged, is a stop as well", async () => {
    const looking = stage.agent.observe();
    await see({ domains: [domain(u, 5, 2)] });
    const { reportId } = stage.report(await looking);
    stage.agent.acknowledge(reportId, "mn-1");
    await settle();
    const told = follow(here(0), kinds).consumer;
    await see({ domains: [domain(u, 5, 2)] });
    expect(told.entries.map(({ kind }) => kind)).toEqual([
      "vm-stopped",
      "stop-said",
      "stop-acknowledged",
    ]);
    await claim();
    const again = follow(here(0), kinds).consumer;
    await settle();
    expect(again.entries.map(({ kind }) => kind)).toEqual(Array(3).fill("stop-withheld"));
  });

  test("is withheld during amnesia", async () => {
    stage = await StagedAgent.start({ past: { amnesiaReason: "new-store" } });
    const { consumer } = follow(undefined, kinds);
    await stops();
    await see();
    expect(consumer.entries).toMatchObject([withheld("amnesia")]);
  });

  test("costs a shared look, however many follow and however many stops there are", async () => {
    const consumers = [follow(undefined, kinds), follow(undefined, kinds), follow(here(0), kinds)];
    const { looks } = stage;
    for (const vmUuid of [u, v, w]) await stops(vmUuid);
    // The first of them has begun a look, and the others share the next.
    const domains = [u, v, w].map((vmUuid) => domain(vmUuid, 5));
    await see({ domains });
    for (const { consumer } of consumers) expect(consumer.told).toHaveLength(1);
    await see({ domains });
    for (const { consumer } of consumers) expect(consumer.told).toHaveLength(3);
    expect(stage.looks - looks).toBe(2);
  });

  test("keeps its place: what comes later waits for it", async () => {
    const { consumer } = follow();
    await stops();
    await claim(v);
    expect(consumer.told).toEqual([]);
    await see();
    expect(consumer.told.map((text) => text.split(" ")[1])).toEqual([
      "vm-stopped",
      "node-heard",
      "claim-made",
    ]);
  });
});

/** A store that keeps nothing below an id. */
class PrunedStore extends MemoryStore {
  readonly #store: MemoryStore;
  readonly #firstId: number;

  constructor(store: MemoryStore, firstId: number) {
    super();
    this.#store = store;
    this.#firstId = firstId;
  }

  override get past() {
    return this.#store.past;
  }

  override write(...written: Parameters<MemoryStore["write"]>) {
    return this.#store.write(...written);
  }

  override async history(...query: Parameters<MemoryStore["history"]>) {
    const found = await this.#store.history(...query);
    return found.filter(({ id }) => id >= this.#firstId);
  }
}
