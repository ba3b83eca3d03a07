import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Api, claimBody, claimUrl, entry, node, vm } from "./api.ts";
import { refusal as refusalOf, refusedAt } from "./refusal.ts";

let api: Api;
beforeAll(async () => {
  api = await Api.start();
  await api.claim("live", 5);
});
afterAll(() => api[Symbol.asyncDispose]());

const refusal = (request: Parameters<Api["send"]>[0]) => refusalOf(api, request);

test.each([
  ["empty", ""],
  ["65 characters", "a".repeat(65)],
  ["a control character", "%0a"],
  ["twice", "mn-1&managementNode=mn-2"],
])("DELETE of a claim is refused for its owner: %s", async (_title, owner) => {
  const url = `${claimUrl("live")}?managementNode=${owner}`;
  expect(await refusal({ method: "DELETE", url })).toEqual(refusedAt("/managementNode", "query"));
});

const badIds: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["65 characters", "a".repeat(65)],
  ["a line feed", "%0a"],
  ["a NUL", "%00"],
  ["an escape sequence", "%1b[2J"],
  ["a C1 control", "%C2%85"],
];

describe.each(["GET", "PUT", "DELETE"] as const)("%s of a management node", (method) => {
  test.each(badIds)("is refused for its id: %s", async (_title, id) => {
    const url = `/v1/management-nodes/${id}${method === "DELETE" ? "?epoch=1" : ""}`;
    const payload = method === "PUT" ? { payload: { managementNode: node(7) } } : {};
    expect(await refusal({ method, url, ...payload })).toEqual(refusedAt("/id", "path"));
  });
});

/** What no number of a query may be. */
const badNumbers = ["", "-1", "1.5", "01", "1e3", "0x1", "%201", "one", "1&1", "99999999999999999"];
/** 2^53 and above: to JSON's readers it is another number. */
const tooLarge = "9007199254740992";

type QueryRow = readonly [method: "GET" | "DELETE", url: string, field: string, value: string];
const queryRows: readonly QueryRow[] = [
  ...[...badNumbers, tooLarge].flatMap((value): QueryRow[] => [
    ["DELETE", `${claimUrl("live")}?caller=mn-1&callerEpoch=${value}`, "/callerEpoch", value],
    ["DELETE", `${claimUrl("live")}?caller=mn-1&callerSequence=${value}`, "/callerSequence", value],
    ["DELETE", `/v1/claims/${vm}?caller=mn-1&callerEpoch=${value}`, "/callerEpoch", value],
    ["DELETE", `/v1/management-nodes/mn-1?epoch=${value}`, "/epoch", value],
    ["GET", `/v1/history?before=${value}`, "/before", value],
    ["GET", `/v1/history?limit=${value}`, "/limit", value],
  ]),
  ...["0", "1001", "999999"].map((value): QueryRow => {
    return ["GET", `/v1/history?limit=${value}`, "/limit", value];
  }),
  ...badIds.flatMap(([what, id]): QueryRow[] => [
    ["DELETE", `${claimUrl("live")}?caller=${id}`, "/caller", what],
    ["DELETE", `/v1/claims/${vm}?caller=${id}`, "/caller", what],
    ["DELETE", `/v1/management-nodes/mn-1?epoch=1&caller=${id}`, "/caller", what],
    ["DELETE", `/v1/amnesia?caller=${id}`, "/caller", what],
    ["GET", `/v1/claims?managementNode=${id}`, "/managementNode", what],
    ["GET", `/v1/history?managementNode=${id}`, "/managementNode", what],
  ]),
  ["GET", `/v1/claims?vmUuid=${vm.slice(1)}`, "/vmUuid", "35 characters"],
  ["GET", "/v1/history?vmUuid=web-7", "/vmUuid", "a name"],
  ["DELETE", "/v1/management-nodes/mn-1", "/epoch", "absent"],
  ["DELETE", `${claimUrl("live")}?outcome=failed`, "/outcome", "failed"],
  ["DELETE", `/v1/claims/${vm}?orphans=yes`, "/orphans", "yes"],
  ["DELETE", `${claimUrl("live")}?callerEpoch=1`, "/caller", "absent beside its epoch"],
  ["DELETE", `/v1/claims/${vm}?callerSequence=1`, "/caller", "absent beside its sequence"],
];

describe("a query is refused and changes nothing", () => {
  test.each(queryRows)("%s %s for %s: %s", async (method, url, field, value) => {
    // "1&1" is the number 1, and a parameter of the name 1.
    const named = value === "1&1" ? "/1" : field;
    expect(await refusal({ method, url })).toEqual(refusedAt(named, "query"));
  });
});

const unknownParameters = [
  ["POST", "/v1/sync"],
  ["PUT", claimUrl()],
  ["DELETE", claimUrl("live")],
  ["GET", "/v1/report"],
  ["GET", "/v1/claims"],
  ["GET", "/v1/status"],
  ["DELETE", `/v1/claims/${vm}`],
  ["PUT", "/v1/management-nodes/mn-1"],
  ["GET", "/v1/management-nodes"],
  ["GET", "/v1/management-nodes/mn-1"],
  ["DELETE", "/v1/amnesia"],
  ["GET", "/v1/history"],
] as const;

const bodies: Readonly<Record<string, object>> = {
  "/v1/sync": { managementNode: node(7), skipList: [entry()] },
  [claimUrl()]: claimBody(7),
  "/v1/management-nodes/mn-1": { managementNode: node(7) },
};

test.each(unknownParameters)("%s %s refuses an unknown query parameter", async (method, url) => {
  const payload = method === "POST" || method === "PUT" ? bodies[url] : undefined;
  const request = { method, url: `${url}?owner=mn-1`, ...(payload && { payload }) };
  expect(await refusal(request)).toEqual(refusedAt("/owner", "query"));
});
