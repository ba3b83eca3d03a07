import { beforeEach, describe, expect, test } from "vitest";
import { claimsPerNodeMax } from "../../src/core/decide.ts";
import { aProblem, domain, type Sighting, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { accepted, StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start({ managementNodes: ["mn-1", "mn-9"] });
});

async function observe(of: Omit<Sighting, "startedAt"> = {}): Promise<void> {
  const look = stage.agent.observe();
  await stage.see(of);
  await look;
}

describe("the agent answers", () => {
  test("a claim with the claim as it lives, and the revision that holds it", async () => {
    const answer = await stage.agent.claim(node("mn-1", 1), statement(u));
    expect(answer).toMatchObject({ claim: { ...key, madeAt: stage.now() }, skipRevision: 1 });
    expect(stage.agent.claims()).toMatchObject({ claims: [key], skipRevision: 1 });
  });

  test("a claim with its own revision, though others are made while it is written", async () => {
    stage.store.hold();
    const first = stage.agent.claim(node("mn-1", 1), statement(u));
    const second = stage.agent.claim(node("mn-1", 2), statement(v));
    stage.store.release();
    expect(await first).toMatchObject({ skipRevision: 1 });
    expect(await second).toMatchObject({ skipRevision: 2 });
  });

  test("a continue with what it ended; one of nothing with nothing, and the same revision", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    expect(await stage.agent.continueOperation(key, {})).toMatchObject({
      ended: [{ ...key, managementNodeId: "mn-1" }],
      orphaned: [],
      durable: true,
      skipRevision: 2,
    });
    const nothing = { ended: [], orphaned: [], durable: true, skipRevision: 2 };
    expect(await stage.agent.continueOperation(key, {})).toEqual(nothing);
  });

  test("a continue of unknown outcome with what it made an orphan", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    const answer = await stage.agent.continueOperation(key, { owner: "mn-1", outcome: "unknown" });
    expect(answer).toMatchObject({ ended: [], orphaned: [{ orphan: { ttlSeconds: 600 } }] });
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("a continue of a VM with all that it ended", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.claim(node("mn-1", 2), statement(u, "stop"));
    const answer = await stage.agent.continueVm(u, { caller: { id: "mn-1" }, orphans: false });
    expect(answer.ended.map(({ operationId }) => operationId)).toEqual(["start", "stop"]);
    expect(answer).toMatchObject({ durable: true, skipRevision: 3 });
  });

  test("a departure with how many claims became orphans; one that changes nothing says so", async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
    expect(await stage.agent.depart("mn-1", 1, "mn-2")).toEqual({
      departed: true,
      orphaned: 2,
      durable: true,
      skipRevision: 2,
    });
    for (const [id, epoch] of [
      ["mn-1", 1],
      ["mn-7", 1],
    ] as const) {
      const answer = await stage.agent.depart(id, epoch, "mn-2");
      expect(answer).toMatchObject({ departed: false, orphaned: 0, skipRevision: 2 });
    }
  });

  test("a heartbeat with what is known of its node", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    const { node: status } = await accepted(stage.agent.heartbeat(node("mn-1", 2)));
    expect(status).toMatchObject({ id: "mn-1", isConfigured: true, claims: 1, orphans: 0 });
    expect(status.known).toMatchObject({ sequence: 2 });
  });

  test("a list with the entries that it did not apply", async () => {
    const many = Array.from({ length: claimsPerNodeMax }, (_, index) => statement(vm(index)));
    expect(await stage.agent.sync(node("mn-1", 1), many)).toEqual({
      refused: [],
      claimsStored: true,
    });
    const next = [statement(u), statement(vm(claimsPerNodeMax))];
    const refusal = { code: "too-many-claims" };
    for (const sent of ["first", "again"]) {
      const answer = await accepted(stage.agent.sync(node("mn-1", 1, 2), next));
      expect({ sent, ...answer }).toMatchObject({
        sent,
        refused: [{ vmUuid: vm(claimsPerNodeMax), refusal }],
      });
    }
  });

  test("a list in another order, or with one word changed, as another list", async () => {
    await stage.agent.sync(node("mn-1", 5), [statement(u), statement(v)]);
    const others = [
      [statement(v), statement(u)],
      [statement(u), statement(v, "start", "other")],
      [statement(u), { ...statement(v), orphanTtlSeconds: 9 }],
      [statement(u)],
    ];
    for (const list of others) {
      expect(await stage.agent.sync(node("mn-1", 5), list)).toMatchObject({ code: "stale-list" });
    }
    const same = await stage.agent.sync(node("mn-1", 5), [statement(u), statement(v)]);
    expect(same).toMatchObject({ refused: [] });
  });

  test("what it refuses with the reason, and changes nothing", async () => {
    await stage.agent.sync(node("mn-1", 5), [statement(u)]);
    await stage.agent.sync(node("mn-2", 5), [statement(u)]);
    expect(await stage.agent.sync(node("mn-1", 4), [])).toMatchObject({ code: "stale-list" });
    const ambiguous = await stage.agent.continueOperation(key, {});
    expect(ambiguous).toMatchObject({ code: "ambiguous-owner" });
    expect(stage.agent.claims()).toMatchObject({ claims: [key, key], skipRevision: 2 });
  });

  test("a claim while 64 others have claims with a refusal", async () => {
    for (let number = 0; number < 64; number += 1) {
      await stage.agent.claim(node(`other-${number}`, 1), statement(u));
    }
    const answer = await stage.agent.claim(node("one-more", 1), statement(u));
    expect(answer).toMatchObject({ code: "too-many-management-nodes" });
  });

  test("a claim of one that is expected, however many strangers have claims", async () => {
    const expecting = await StagedAgent.start({ managementNodes: ["mn-1"] });
    for (let number = 0; number < 64; number += 1) {
      await expecting.agent.claim(node(`other-${number}`, 1), statement(u));
    }
    expect(await expecting.agent.claim(node("mn-1", 1), statement(u))).toHaveProperty("claim");
  });
});

describe("the log", () => {
  const ofClaim = { managementNodeId: "mn-1", operationId: "start", by: "mn-1" };

  test("has one line for each claim made, renewed and ended, none for one said again", async () => {
    await stage.agent.sync(node("mn-1", 1), [statement(u), statement(v)]);
    await stage.agent.claim(node("mn-1", 2), statement(u));
    await stage.agent.sync(node("mn-1", 3), [statement(u, "start", "another")]);
    await stage.agent.continueOperation(key, { owner: "mn-1", caller: { id: "mn-2" } });
    const detail = "why";
    expect(stage.lines.slice(1)).toEqual([
      ["info claim made", { ...ofClaim, vmUuid: u, detail }],
      ["info claim made", { ...ofClaim, vmUuid: v, detail }],
      ["info claim ended", { ...ofClaim, vmUuid: v, cause: "left-out-of-list" }],
      ["info claim renewed", { ...ofClaim, vmUuid: u, detail: "another" }],
      ["info claim ended", { ...ofClaim, vmUuid: u, cause: "continued", by: "mn-2" }],
    ]);
    expect(stage.messages[0]).toBe("info node heard");
  });

  test("has one line for a statement of more than 20 transitions, with how many of each", async () => {
    const list = Array.from({ length: 30 }, (_, index) => statement(vm(index)));
    await stage.agent.sync(node("mn-1", 1), list);
    const counts = { "node-heard": 1, "claim-made": 30 };
    expect(stage.lines).toEqual([["info many transitions", counts]]);
  });

  test("has one line for each change between complete and incomplete observations", async () => {
    const incomplete = { problems: [aProblem] };
    await observe();
    await observe();
    expect(stage.messages).toEqual([]);
    await observe(incomplete);
    await observe({ domains: "unknown" });
    await observe();
    await observe();
    await observe(incomplete);
    expect(stage.lines).toEqual([
      ["warn observations are incomplete", { problems: [aProblem] }],
      ["info observations are complete again", {}],
      ["warn observations are incomplete", { problems: [aProblem] }],
    ]);
  });

  test("has a line when the very first observation is incomplete", async () => {
    await observe({ problems: [aProblem] });
    expect(stage.messages).toEqual(["warn observations are incomplete"]);
  });

  test("has a line for a statement that is refused, with the reason", async () => {
    await stage.agent.sync(node("mn-1", 5), []);
    await stage.agent.sync(node("mn-1", 4), []);
    expect(stage.messages).toEqual(["info node heard", "warn statement refused"]);
    expect(stage.lines[1]?.[1]).toMatchObject({ code: "stale-list", by: "mn-1" });
  });
});

describe("the status", () => {
  test("before anything happened has no observation, and the nodes that are expected", () => {
    const silent = { isConfigured: true, claims: 0, orphans: 0, known: undefined };
    expect(stage.agent.status()).toEqual({
      startedAt: stage.now(),
      run: { storeId: "store-1", agentEpoch: 1 },
      amnesia: undefined,
      skipRevision: 0,
      activeClaims: 0,
      orphanedClaims: 0,
      staleClaims: 0,
      instanceConflicts: 0,
      managementNodes: [
        { id: "mn-1", ...silent },
        { id: "mn-9", ...silent },
      ],
      store: { writable: true },
      libvirt: stage.libvirtStatus,
      watchers: stage.agent.watchers.status,
      lastObservation: undefined,
    });
  });

  test("counts claims, names who spoke, expected or not, and shows the last observation", async () => {
    await stage.agent.claim(node("mn-2", 1), statement(u));
    await stage.agent.claim(node("mn-2", 2), statement(v));
    const first = stage.now();
    stage.nowMs = 200;
    await stage.agent.sync(node("mn-1", 7, 3), [statement(u)]);
    const second = stage.now();
    await observe({ domains: [domain(u, 1)], qemus: [u] });
    const status = stage.agent.status();
    expect(status).toMatchObject({ skipRevision: 3, activeClaims: 3 });
    expect(status.managementNodes).toMatchObject([
      { id: "mn-1", isConfigured: true, claims: 1, known: { epoch: 3, lastSeenAt: second } },
      { id: "mn-9", isConfigured: true, claims: 0 },
      { id: "mn-2", isConfigured: false, claims: 2, known: { lastSeenAt: first } },
    ]);
    expect(status.lastObservation?.qemus).toEqual(new Set([u]));
  });

  test("tells orphans from active claims, and lapses what is due before it answers", async () => {
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.listen(100);
    await stage.agent.claim(node("mn-2", 1), statement(v));
    await stage.listen(79);
    expect(stage.agent.status()).toMatchObject({ activeClaims: 2, orphanedClaims: 0 });
    stage.nowMs += 1000;
    expect(stage.agent.status()).toMatchObject({ activeClaims: 1, orphanedClaims: 1 });
  });

  test("counts active claims beyond the warning age as stale, orphans not, and they live on", async () => {
    stage = await StagedAgent.start({ policy: { claimAgeWarningSeconds: 60 } });
    await stage.agent.claim(node("mn-1", 1), statement(u));
    await stage.agent.claimAsOperator(statement(v));
    await stage.listen(60);
    expect(stage.agent.status().staleClaims).toBe(0);
    await stage.agent.claim(node("mn-1", 2), statement(u, "start", "said again"));
    await stage.listen(0.001);
    expect(stage.agent.status().staleClaims).toBe(1);
    expect(stage.live).toHaveLength(2);
  });

  test("counts statements of a second process under one id", async () => {
    await stage.agent.heartbeat(node("mn-1", 1));
    for (let count = 0; count < 3; count += 1) {
      const answer = await stage.agent.heartbeat({ ...node("mn-1", 2), instance: "another" });
      expect(answer).toMatchObject({ code: "instance-conflict" });
    }
    expect(stage.agent.status().instanceConflicts).toBe(3);
    expect(stage.messages.filter((line) => line === "warn statement refused")).toHaveLength(3);
  });
});
