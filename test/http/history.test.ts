import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { History } from "../../src/http/schema/history.ts";
import { Api, claimBody, claimUrl, otherVm, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start();
  await api.claim("a", 1);
  await api.ok("PUT", claimUrl("b", otherVm), claimBody(1, "mn-2"));
  await api.ok("DELETE", `${claimUrl("a")}?managementNode=mn-1&caller=mn-2`);
});
afterEach(() => api[Symbol.asyncDispose]());

const history = (query = "") => api.ok<History>("GET", `/v1/history${query}`);

test("tells what happened, the newest first, and who asked", async () => {
  const { entries } = await history(`?vmUuid=${vm}`);
  expect(entries).toMatchObject([
    { kind: "claim-ended", managementNode: "mn-1", operationId: "a", cause: "continued" },
    { kind: "claim-made", managementNode: "mn-1", operationId: "a", by: "mn-1" },
  ]);
  expect(entries[0]).toMatchObject({ by: "mn-2", vmUuid: vm });
  expect(entries[0]?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("begins with the start of the agent", async () => {
  const { entries, next } = await history();
  expect(entries.at(-1)).toMatchObject({ kind: "agent-started", by: "agent" });
  expect(next).toBeUndefined();
});

test.each([
  [`?vmUuid=${otherVm.replaceAll("-", "").toUpperCase()}`, ["b"]],
  ["?managementNode=mn-2", ["b"]],
  [`?managementNode=mn-2&vmUuid=${vm}`, []],
])("is cut down by %s", async (query, operations) => {
  const { entries } = await history(query);
  const found = entries.flatMap(({ operationId }) => operationId ?? []);
  expect([...new Set(found)]).toEqual(operations);
});

describe("pages", () => {
  test("follow each other by next, without gap or overlap, and the last says none", async () => {
    const whole = (await history()).entries;
    const paged: number[] = [];
    let query = "?limit=2";
    for (;;) {
      const { entries, next } = await history(query);
      expect(entries.length).toBeLessThanOrEqual(2);
      paged.push(...entries.map(({ id }) => id));
      if (next === undefined) break;
      query = `?limit=2&before=${next}`;
    }
    expect(whole.length).toBeGreaterThan(4);
    expect(paged).toEqual(whole.map(({ id }) => id));
  });

  test("that hold exactly what is left say no next", async () => {
    const { length } = (await history()).entries;
    expect(await history(`?limit=${length}`)).not.toHaveProperty("next");
    expect(await history(`?limit=${length - 1}`)).toHaveProperty("next");
  });

  test("hold 100 entries unless told otherwise", async () => {
    for (let at = 0; at < 100; at += 1) await api.claim(`more-${at}`, at + 2);
    const { entries, next } = await history();
    expect(entries).toHaveLength(100);
    expect(next).toBe(entries.at(-1)?.id);
    expect((await history("?limit=1000")).entries.length).toBeGreaterThan(100);
  });
});
