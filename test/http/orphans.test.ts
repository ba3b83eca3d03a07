import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim, ClaimAnswer, ContinueAnswer } from "../../src/http/schema/claims.ts";
import type { Report } from "../../src/http/schema/report.ts";
import { Api, claimBody, claimUrl, node, otherVm, vm } from "./api.ts";

let api: Api;
let wallMs: number;
beforeEach(async () => {
  wallMs = Date.UTC(2030, 0, 1);
  api = await Api.start(undefined, () => ({ ms: 1_000_000, wallMs }));
});
afterEach(() => api[Symbol.asyncDispose]());

const depart = () => api.ok("DELETE", "/v1/management-nodes/mn-1?epoch=1&caller=mn-2");
const onlyClaim = async (): Promise<Claim> => {
  const { claims } = await api.claims();
  expect(claims).toHaveLength(1);
  return claims[0] as Claim;
};

describe("a claim of a departed node", () => {
  beforeEach(async () => {
    await api.ok("PUT", claimUrl(), { ...claimBody(), orphanTtlSeconds: 10 });
  });

  test("is listed as an orphan, with cause, TTL and end", async () => {
    expect((await onlyClaim()).state).toBe("active");
    await depart();
    const claim = await onlyClaim();
    expect(claim).toMatchObject({ state: "orphaned", managementNode: "mn-1" });
    expect(claim.orphan).toEqual({
      cause: "departed",
      orphanedAt: "2030-01-01T00:00:00.000Z",
      ttlSeconds: 10,
      remainingSeconds: 10,
      expiresAt: "2030-01-01T00:00:10.000Z",
    });
  });

  test("says what is left of its TTL rounded up, until it is over and nothing is left", async () => {
    await depart();
    api.clock.leap(8.7);
    expect((await onlyClaim()).orphan).toMatchObject({ ttlSeconds: 10, remainingSeconds: 2 });
    api.clock.leap(1.2);
    expect((await onlyClaim()).orphan).toMatchObject({ remainingSeconds: 1 });
    api.clock.leap(0.2);
    expect((await api.claims()).claims).toEqual([]);
  });

  test("ends when it ends whatever the wall clock does: expiresAt follows the clock of now", async () => {
    await depart();
    wallMs += 3_600_000;
    expect((await onlyClaim()).orphan).toMatchObject({
      remainingSeconds: 10,
      orphanedAt: "2030-01-01T00:00:00.000Z",
      expiresAt: "2030-01-01T01:00:10.000Z",
    });
  });

  test("is named in reports as an orphan, with what is left", async () => {
    await depart();
    const { skipped } = await api.ok<Report>("GET", "/v1/report");
    expect(skipped[0]?.claims).toMatchObject([{ state: "orphaned", remainingSeconds: 10 }]);
  });

  test("is active again once its node speaks with the same epoch", async () => {
    await depart();
    await api.sync({ managementNode: node(2) });
    const claim = await onlyClaim();
    expect(claim.state).toBe("active");
    expect(claim).not.toHaveProperty("orphan");
  });

  test("is an orphan of the new epoch's beginning once its node speaks with a higher one", async () => {
    await api.sync({ managementNode: { ...node(1), epoch: 2, instance: "j" } });
    expect((await onlyClaim()).orphan).toMatchObject({ cause: "new-epoch" });
  });
});

describe("in reports", () => {
  test("an active claim says no remaining time, an ended one when it ended", async () => {
    await api.claim("a", 1);
    const active = await api.sync({ managementNode: node(2) });
    expect(active.skipped[0]?.claims).toEqual([
      {
        managementNode: "mn-1",
        operationId: "a",
        reason: "start",
        state: "active",
        madeAt: "2030-01-01T00:00:00.000Z",
      },
    ]);
    const begun = api.observer.hold();
    const answer = api.sync({ managementNode: node(3) });
    await begun;
    await api.continueClaim("a");
    api.observer.release();
    const { skipped } = await answer;
    expect(skipped[0]?.claims).toMatchObject([{ state: "ended", operationId: "a" }]);
    expect(skipped[0]?.claims[0]).toHaveProperty("endedAt");
  });
});

describe("a claim of the operator", () => {
  const body = { operator: true, reason: "hands off" };

  test("is an orphan with the agent's TTL from the start", async () => {
    const { claim } = await api.ok<ClaimAnswer>("PUT", claimUrl("by-hand"), body);
    expect(claim).toMatchObject({
      managementNode: "operator",
      state: "orphaned",
      orphan: { cause: "operator", ttlSeconds: 600, remainingSeconds: 600 },
    });
    expect((await api.claims()).claims).toEqual([claim]);
  });

  test("has the TTL that it names", async () => {
    const withTtl = { ...body, orphanTtlSeconds: 30 };
    const { claim } = await api.ok<ClaimAnswer>("PUT", claimUrl("by-hand"), withTtl);
    expect(claim.orphan?.ttlSeconds).toBe(30);
  });
});

describe("a continue", () => {
  const tell = (url: string): Promise<ContinueAnswer> => api.ok<ContinueAnswer>("DELETE", url);

  test("with an unknown outcome makes an orphan of the claim, and ends none", async () => {
    await api.claim("op");
    const answer = await tell(`${claimUrl("op")}?managementNode=mn-1&outcome=unknown`);
    expect(answer).toMatchObject({
      ended: [],
      orphaned: [{ operationId: "op", state: "orphaned", orphan: { cause: "outcome-unknown" } }],
      durable: true,
    });
    expect((await onlyClaim()).state).toBe("orphaned");
  });

  test("names an orphan that it ended as it was", async () => {
    await api.claim("op");
    await depart();
    expect((await tell(claimUrl("op"))).ended).toMatchObject([{ state: "orphaned" }]);
  });

  test("by its caller ends the caller's own claim, where another has one too", async () => {
    await api.claim("op", 1, "mn-1");
    await api.claim("op", 1, "mn-2");
    const query = "?caller=mn-2&callerEpoch=1&callerSequence=7";
    const { ended } = await tell(`${claimUrl("op")}${query}`);
    expect(ended.map(({ managementNode }) => managementNode)).toEqual(["mn-2"]);
  });

  test("by an epoch that is over works all the same", async () => {
    await api.ok("PUT", claimUrl("op"), {
      ...claimBody(),
      managementNode: { ...node(), epoch: 5 },
    });
    const query = "?caller=mn-1&callerEpoch=1&callerSequence=0";
    expect((await tell(`${claimUrl("op")}${query}`)).ended).toHaveLength(1);
  });

  test("of a VM ends the caller's claims on it, and no other's", async () => {
    await api.claim("a", 1, "mn-1");
    await api.claim("b", 2, "mn-1");
    await api.claim("c", 1, "mn-2");
    await api.ok("PUT", claimUrl("d", otherVm), claimBody(3, "mn-1"));
    const { ended } = await tell(`/v1/claims/${vm}?caller=mn-1&callerEpoch=1&callerSequence=9`);
    expect(ended.map(({ operationId }) => operationId).toSorted()).toEqual(["a", "b"]);
    const { claims } = await api.claims();
    expect(claims.map(({ operationId }) => operationId).toSorted()).toEqual(["c", "d"]);
  });

  test.each([
    ["", 1],
    ["&orphans=false", 1],
    ["&orphans=true", 0],
  ])("of a VM with the query '%s' leaves %i orphans of others", async (more, left) => {
    await api.claim("a", 1, "mn-1");
    await depart();
    await tell(`/v1/claims/${vm}?caller=mn-2${more}`);
    expect((await api.claims()).claims).toHaveLength(left);
  });

  test("of a VM that nobody claimed, by nobody, is 200 and ends nothing", async () => {
    const answer = await tell(`/v1/claims/${otherVm}`);
    expect(answer).toMatchObject({ ended: [], orphaned: [], durable: true });
  });

  test("of what was never claimed refuses the claim that comes after it", async () => {
    await tell(`${claimUrl("late")}?managementNode=mn-1`);
    const answer = await api.send({ method: "PUT", url: claimUrl("late"), payload: claimBody(1) });
    const type = "urn:vmsyncd:problem:operation-continued";
    expect(answer).toMatchObject({ status: 409, body: { type } });
  });
});

describe("a claim that comes late is refused with 409, and changes nothing", () => {
  const late = async (operationId: string, sequence: number) => {
    const before = api.state();
    const payload = claimBody(sequence);
    const { status, body } = await api.send({ method: "PUT", url: claimUrl(operationId), payload });
    expect(api.state()).toEqual(before);
    expect(status).toBe(409);
    return (body as { type: string }).type;
  };

  test("after its continue", async () => {
    await api.claim("op", 1);
    await api.continueClaim("op", "mn-1");
    expect(await late("op", 2)).toBe("urn:vmsyncd:problem:operation-continued");
  });

  test("after a newer list that did not name it", async () => {
    await api.sync({ managementNode: node(5), skipList: [] });
    expect(await late("op", 4)).toBe("urn:vmsyncd:problem:stale-claim");
  });

  test("after the end of its TTL, if it was said before", async () => {
    await api.ok("PUT", claimUrl("op"), { ...claimBody(3), orphanTtlSeconds: 10 });
    await depart();
    api.clock.leap(10.1);
    expect((await api.claims()).claims).toEqual([]);
    expect(await late("op", 3)).toBe("urn:vmsyncd:problem:operation-expired");
  });
});

describe("claims are listed", () => {
  beforeEach(async () => {
    await api.claim("a", 1, "mn-1");
    await api.ok("PUT", claimUrl("b", otherVm), claimBody(1, "mn-2"));
  });

  test.each([
    ["", ["a", "b"]],
    [`?vmUuid=${vm}`, ["a"]],
    [`?vmUuid=${otherVm.replaceAll("-", "").toUpperCase()}`, ["b"]],
    ["?managementNode=mn-2", ["b"]],
    [`?managementNode=mn-2&vmUuid=${vm}`, []],
    ["?managementNode=nobody", []],
  ])("with the query '%s': %j", async (query, operations) => {
    const { claims } = await api.ok<{ claims: Claim[] }>("GET", `/v1/claims${query}`);
    expect(claims.map(({ operationId }) => operationId).toSorted()).toEqual(operations);
  });

  test("as stale once they are active for longer than the warning age, orphans never", async () => {
    await depart();
    api.clock.leap(1);
    await api.claim("c", 2, "mn-2");
    // In steps, with a sign of life: silence and TTL are none of this test's business.
    for (let passed = 0; passed < 3600; passed += 60) {
      api.clock.leap(60);
      await api.sync({ managementNode: node(passed + 3, "mn-2") });
    }
    api.clock.leap(-1);
    expect((await api.claims()).claims.filter(({ stale }) => stale)).toEqual([]);
    api.clock.leap(0.5);
    const stale = (await api.claims()).claims.filter((claim) => claim.stale);
    expect(stale.map(({ operationId, ageSeconds }) => [operationId, ageSeconds])).toEqual([
      ["b", 3600],
    ]);
    expect(await api.ok("GET", "/v1/status")).toMatchObject({ claims: { stale: 1 } });
  });
});
