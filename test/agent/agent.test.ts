import { beforeEach, describe, expect, test } from "vitest";
import { claimsPerNodeMax } from "../../src/core/decide.ts";
import { aProblem, at, domain, type Sighting, vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { StagedAgent } from "./staged-agent.ts";

const [u, v] = [vm(1), vm(2)];
const key = { vmUuid: u, operationId: "start" };
let stage: StagedAgent;

beforeEach(() => {
  stage = new StagedAgent(["mn-1", "mn-9"]);
});

async function observe(of: Omit<Sighting, "startedAt"> = {}): Promise<void> {
  const look = stage.agent.observe();
  await stage.see(of);
  await look;
}

describe("the agent answers", () => {
  test("a claim with the claim as it lives, and the revision that holds it", () => {
    const answer = stage.agent.claim(node("mn-1", 1), statement(u));
    expect(answer).toMatchObject({ claim: { ...key, madeAt: at(100) }, skipRevision: 1 });
    expect(stage.agent.claims()).toMatchObject({ claims: [key], skipRevision: 1 });
  });

  test("a continue with what it ended; one of nothing with nothing, and the same revision", () => {
    stage.agent.claim(node("mn-1", 1), statement(u));
    expect(stage.agent.continueClaim(key, undefined)).toMatchObject({
      ended: [{ ...key, managementNodeId: "mn-1" }],
      skipRevision: 2,
    });
    expect(stage.agent.continueClaim(key, undefined)).toEqual({ ended: [], skipRevision: 2 });
  });

  test("a list with the entries that it did not apply", () => {
    const many = Array.from({ length: claimsPerNodeMax }, (_, index) => statement(vm(index)));
    expect(stage.agent.applyList(node("mn-1", 1), many)).toMatchObject({ refused: [] });
    const next = [statement(u), statement(vm(claimsPerNodeMax))];
    const answer = stage.agent.applyList(node("mn-1", 1, 2), next);
    const refusal = { code: "too-many-claims" };
    expect(answer).toMatchObject({ refused: [{ vmUuid: vm(claimsPerNodeMax), refusal }] });
  });

  test("what it refuses with the reason, and changes nothing", () => {
    stage.agent.applyList(node("mn-1", 5), [statement(u)]);
    stage.agent.applyList(node("mn-2", 5), [statement(u)]);
    expect(stage.agent.applyList(node("mn-1", 4), [])).toMatchObject({ code: "stale-list" });
    expect(stage.agent.continueClaim(key, undefined)).toMatchObject({ code: "ambiguous-owner" });
    expect(stage.agent.claims()).toMatchObject({ claims: [key, key], skipRevision: 2 });
  });

  test("a claim while 64 others have claims with a refusal", () => {
    for (let number = 0; number < 64; number += 1) {
      stage.agent.claim(node(`other-${number}`, 1), statement(u));
    }
    const answer = stage.agent.claim(node("mn-1", 1), statement(u));
    expect(answer).toMatchObject({ code: "too-many-management-nodes" });
  });
});

describe("the log", () => {
  test("has one line for each claim made and ended, none for one that is said again", () => {
    stage.agent.applyList(node("mn-1", 1), [statement(u), statement(v)]);
    stage.agent.claim(node("mn-1", 2), statement(u, "start", "another"));
    stage.agent.applyList(node("mn-1", 3), [statement(u, "start", "a third")]);
    stage.agent.continueClaim(key, "mn-1");
    stage.agent.continueClaim(key, "mn-1");
    const ofClaim = { managementNodeId: "mn-1", operationId: "start" };
    expect(stage.lines).toEqual([
      ["info claim made", { ...ofClaim, vmUuid: u, reason: "why" }],
      ["info claim made", { ...ofClaim, vmUuid: v, reason: "why" }],
      ["info claim ended", { ...ofClaim, vmUuid: v, reason: "why", cause: "left-out-of-list" }],
      ["info claim ended", { ...ofClaim, vmUuid: u, reason: "a third", cause: "continued" }],
    ]);
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

  test("has a line for a statement that is refused, with the reason", () => {
    stage.agent.applyList(node("mn-1", 5), []);
    stage.agent.applyList(node("mn-1", 4), []);
    expect(stage.messages).toEqual(["warn statement refused"]);
    expect(stage.lines[0]?.[1]).toMatchObject({ code: "stale-list" });
  });
});

describe("the status", () => {
  test("before anything happened has no observation, and the nodes that are expected", () => {
    expect(stage.agent.status()).toEqual({
      startedAt: at(100),
      skipRevision: 0,
      activeClaims: 0,
      managementNodes: [
        { id: "mn-1", isConfigured: true, claims: 0, known: undefined },
        { id: "mn-9", isConfigured: true, claims: 0, known: undefined },
      ],
      libvirt: stage.libvirtStatus,
      lastObservation: undefined,
    });
  });

  test("counts claims, names who spoke, expected or not, and shows the last observation", async () => {
    stage.agent.claim(node("mn-2", 1), statement(u));
    stage.agent.claim(node("mn-2", 2), statement(v));
    stage.nowMs = 200;
    stage.agent.applyList(node("mn-1", 7, 3), [statement(u)]);
    await observe({ domains: [domain(u, 1)], qemus: [u] });
    const status = stage.agent.status();
    expect(status).toMatchObject({ skipRevision: 3, activeClaims: 3 });
    expect(status.managementNodes).toMatchObject([
      { id: "mn-1", isConfigured: true, claims: 1, known: { epoch: 3, lastSeenAt: at(200) } },
      { id: "mn-9", isConfigured: true, claims: 0 },
      { id: "mn-2", isConfigured: false, claims: 2, known: { lastSeenAt: at(100) } },
    ]);
    expect(status.lastObservation?.qemus).toEqual(new Set([u]));
  });
});
