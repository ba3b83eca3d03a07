// A claim that could not be stored is taken back (its answer says so), unless it was said anew.

import { beforeEach, describe, expect, test } from "vitest";
import { vm } from "../core/sightings.ts";
import { node, statement } from "../core/statements.ts";
import { settle, StagedAgent } from "./staged-agent.ts";

const u = vm(1);
let stage: StagedAgent;

beforeEach(async () => {
  stage = await StagedAgent.start();
});

describe("a claim that is not stored", () => {
  const say = (sequence: number, reason = "why") => {
    return stage.agent.claim(node("mn-1", sequence), statement(u, "start", reason));
  };

  /** Two writes, one after the other, that both fail or of which only the first does. */
  async function failBoth(first: () => Promise<unknown>, second: () => Promise<unknown>) {
    stage.store.hold();
    stage.store.failWith("full");
    const one = first();
    await settle();
    const two = second();
    await settle();
    stage.store.release();
    return [await one, await two];
  }

  test("and was said twice meanwhile does not live: both were refused", async () => {
    const refused = { code: "not-stored" };
    expect(
      await failBoth(
        () => say(1),
        () => say(2, "again"),
      ),
    ).toMatchObject([refused, refused]);
    expect(stage.live).toEqual([]);
  });

  test("and was said twice in one turn does not live", async () => {
    stage.store.failWith("full");
    const said = await Promise.all([say(1), say(2), say(3)]);
    expect(said).toMatchObject(said.map(() => ({ code: "not-stored" })));
    expect(stage.live).toEqual([]);
  });

  test("and was said twice on one that is durable leaves that one", async () => {
    await say(1);
    await failBoth(
      () => say(2, "anew"),
      () => say(3, "again"),
    );
    expect(stage.agent.claims().claims).toMatchObject([{ sequence: 1, reason: "why" }]);
  });

  test("stays if a list names it meanwhile: that counts in memory", async () => {
    const [claim, list] = await failBoth(
      () => say(1),
      () => stage.agent.sync(node("mn-1", 2), [statement(u)]),
    );
    expect(claim).toMatchObject({ code: "not-stored" });
    expect(list).toMatchObject({ claimsStored: false });
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("stays if it was said anew and that is durable", async () => {
    stage.store.hold();
    const first = say(1);
    await settle();
    const second = say(2);
    stage.store.failWith("full", 1);
    stage.store.release();
    expect(await first).toMatchObject({ code: "not-stored" });
    expect(await second).toMatchObject({ claim: { sequence: 2 } });
    expect([stage.live, stage.stored]).toEqual([["mn-1 start 1"], ["mn-1 start 1"]]);
  });

  test("of a newer epoch leaves the claim of the older one as an orphan", async () => {
    await say(1);
    stage.store.failWith("full");
    await stage.agent.claim(node("mn-1", 1, 2), statement(u));
    expect(stage.agent.claims().claims).toMatchObject([
      { epoch: 1, sequence: 1, orphan: { cause: "new-epoch" } },
    ]);
  });

  test("of the operator leaves the one before it, with what that had left", async () => {
    await stage.agent.claimAsOperator({ ...statement(u), orphanTtlSeconds: 100 });
    stage.nowMs += 1000;
    stage.store.failWith("full");
    await stage.agent.claimAsOperator({ ...statement(u), orphanTtlSeconds: 900 });
    const [claim] = stage.agent.claims().claims;
    expect(claim?.orphan).toMatchObject({ ttlSeconds: 100, expiresAtMs: stage.nowMs + 99_000 });
  });

  test("is in the history as made and as not stored", async () => {
    stage.store.failWith("full");
    await say(1);
    stage.store.failWith(undefined);
    await stage.listen(2);
    expect(await stage.history()).toEqual([
      "agent-started",
      "node-heard",
      "claim-made",
      "claim-ended: not-stored",
    ]);
  });
});
