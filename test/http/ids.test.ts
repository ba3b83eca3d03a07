import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Api, entry, node, vm } from "./api.ts";

let api: Api;
beforeAll(async () => {
  api = await Api.start();
});
afterAll(() => api[Symbol.asyncDispose]());

let sequence = 0;
const next = (): number => (sequence += 1);

const ids: readonly (readonly [string, string])[] = [
  ["a slash", "start/7"],
  ["a slash that was escaped once", "start%2F7"],
  ["spaces", " a  b "],
  ["a percent sign", "100%"],
  ["a plus", "a+b"],
  ["a question mark and a hash", "a?b#c"],
  ["a semicolon", "a;b=c"],
  ["a backslash", "a\\b"],
  ["quotes and braces", "\"'{}<>`"],
  ["three dots", "..."],
  ["dots and a slash", "../.."],
  ["emoji", "😀👩‍👩‍👧"],
  ["64 emoji", "😀".repeat(64)],
  ["64 characters of three bytes", "启".repeat(64)],
  ["a combining mark", "e\u0301"],
  ["its composed twin", "\u00e9"],
  ["__proto__", "__proto__"],
];

describe("an operation id is kept as it is by PUT, a list, GET and DELETE", () => {
  test.each(ids)("%s", async (_title, id) => {
    expect((await api.claim(id, next())).claim.operationId).toBe(id);
    await api.sync({ managementNode: node(next()), skipList: [entry(vm, id)] });
    expect((await api.claims()).claims.map(({ operationId }) => operationId)).toEqual([id]);
    const { ended } = await api.continueClaim(id);
    expect(ended.map(({ operationId }) => operationId)).toEqual([id]);
    expect((await api.claims()).claims).toEqual([]);
  });

  test.each(ids)("%s, as the id of a management node too", async (_title, id) => {
    // What is continued stays so, hence an operation of its own for each id.
    const operation = `op-${next()}`;
    await api.claim(operation, next(), id);
    await api.claim(operation, next(), "mn-0");
    const path = `/v1/management-nodes/${encodeURIComponent(id)}`;
    expect(await api.ok("GET", path)).toMatchObject({ id, state: "alive" });
    const { ended } = await api.continueClaim(operation, id);
    expect(ended.map(({ managementNode }) => managementNode)).toEqual([id]);
    expect((await api.continueClaim(operation)).ended).toMatchObject([{ managementNode: "mn-0" }]);
  });
});
