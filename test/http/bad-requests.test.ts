import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Api, claimBody, claimUrl, entry, node, vm } from "./api.ts";

let api: Api;
beforeAll(async () => {
  api = await Api.start();
  await api.claim("live", 5);
});
afterAll(() => api[Symbol.asyncDispose]());

const json = { "content-type": "application/json" };
const good = JSON.stringify({ managementNode: node(7), skipList: [entry()] });

interface Row {
  readonly title: string;
  readonly request: Parameters<Api["send"]>[0];
  readonly status: number;
  readonly type: string;
  /** Part of the request that is named. */
  readonly in?: string;
}

function body(title: string, payload: string | Buffer, rest: Partial<Row> = {}): Row {
  const request = { method: "POST", url: "/v1/sync", headers: json, payload } as const;
  return { title, request, status: 400, type: "malformed-json", ...rest };
}

const invalidUtf8 = (inside: string): Buffer => {
  const [before = "", after = ""] = good.replace("mn-1", "mn-\n").split("\n");
  return Buffer.concat([Buffer.from(before), Buffer.from(inside, "latin1"), Buffer.from(after)]);
};
const invalid = { type: "invalid-request", in: "body" } as const;

const bodies: readonly Row[] = [
  body("malformed JSON", "{"),
  body("JSON with something behind it", `${good} x`),
  body("an empty body", ""),
  body("only spaces", "  "),
  body("NaN", good.replace('"epoch":1', '"epoch":NaN')),
  body("a trailing comma", good.replace("}]", "},]")),
  body("invalid UTF-8: a lone byte", invalidUtf8("\xff")),
  body("invalid UTF-8: an overlong slash", invalidUtf8("\xc0\xaf")),
  body("invalid UTF-8: an encoded surrogate", invalidUtf8("\xed\xa0\x80")),
  body("invalid UTF-8: cut in a character", Buffer.from('{"é'.slice(0, 3)).subarray(0, 3)),
  body("UTF-16", Buffer.from(good, "utf16le")),
  body("__proto__ at the top", good.replace("{", '{"__proto__":{"a":1},')),
  body("__proto__ deeper", good.replace('"id"', '"__proto__":{"a":1},"id"')),
  body("__proto__ in escapes", good.replace("{", '{"\\u005f_proto__":{"a":1},')),
  body("constructor.prototype", good.replace("{", '{"constructor":{"prototype":{}},')),
  body("null", "null", invalid),
  body("an array", "[]", invalid),
  body("a text", '"sync"', invalid),
  body("an array 100,000 deep", "[".repeat(100_000) + "]".repeat(100_000), invalid),
  body("an object 50,000 deep", '{"a":'.repeat(50_000) + "1" + "}".repeat(50_000), invalid),
  body("4 MiB of brackets", "[".repeat(4 * 1024 * 1024), invalid),
  body("a million objects", `[${"{},".repeat(1_000_000)}{}]`, invalid),
  body("an epoch beyond every number", good.replace('"epoch":1', '"epoch":1e999'), invalid),
  body("4 MiB and a byte", good + " ".repeat(4 * 1024 * 1024 + 1 - good.length), {
    status: 413,
    type: "body-too-large",
  }),
];

function typed(contentType: string | undefined): Row {
  const headers = contentType === undefined ? {} : { "content-type": contentType };
  const request = { method: "POST", url: "/v1/sync", headers, payload: Buffer.from(good) } as const;
  const title = `content-type ${contentType ?? "absent"}`;
  return { title, request, status: 415, type: "unsupported-media-type" };
}

const types = [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/merge-patch+json",
  "application/jsonx",
  "json",
  undefined,
].map(typed);

function address(title: string, method: "DELETE" | "PUT", url: string, part: string): Row {
  const payload = method === "PUT" ? { payload: claimBody(7) } : {};
  const request = { method, url, ...payload };
  return { title, request, status: 400, type: "invalid-request", in: part };
}

const addresses: readonly Row[] = [
  address("an escape that is none", "PUT", `/v1/claims/${vm}/%zz`, "path"),
  address("an escape cut short", "PUT", `/v1/claims/${vm}/a%2`, "path"),
  address("escapes that are no UTF-8", "PUT", `/v1/claims/${vm}/%ff`, "path"),
  address("a part of 900 characters", "PUT", `/v1/claims/${vm}/${"a".repeat(900)}`, "path"),
  address("an escape in the query", "DELETE", `${claimUrl("live")}?managementNode=%zz`, "query"),
  address("a query that is no UTF-8", "DELETE", `${claimUrl("live")}?managementNode=%ff`, "query"),
  {
    ...address("a body that names the owner", "DELETE", claimUrl("live"), "body"),
    request: { method: "DELETE", url: claimUrl("live"), payload: { managementNode: "mn-2" } },
  },
];

function missing(method: Row["request"]["method"], url: string): Row {
  const request = { method, url, headers: json, payload: good } as Row["request"];
  return { title: `${method} ${url}`, request, status: 404, type: "not-found" };
}

const routes: readonly Row[] = [
  missing("PUT", "/v1/sync"),
  missing("PATCH", claimUrl("live")),
  missing("POST", claimUrl("live")),
  missing("POST", "/v1/claims"),
  missing("DELETE", "/v1/claims"),
  missing("POST", "/v1/report"),
  missing("OPTIONS", "/v1/report"),
  missing("GET", "/v1/nothing"),
  missing("GET", "/V1/claims"),
  missing("GET", "/v1/claims/"),
  missing("POST", "//v1/sync"),
  missing("GET", "/"),
];

describe.each([
  ["body", bodies],
  ["media type", types],
  ["address", addresses],
  ["route", routes],
])("a request with a bad %s is refused and changes nothing", (_part, rows) => {
  test.each(rows)("$title", async ({ request, status, type, in: part }) => {
    const before = api.state();
    const answer = await api.send(request);
    expect(answer).toMatchObject({ status, body: { type: `urn:vmsyncd:problem:${type}` } });
    expect((answer.body as { in?: string }).in).toBe(part);
    expect(api.state()).toEqual(before);
    expect(api.errors.splice(0)).toEqual([]);
  });
});

test("a body of exactly 4 MiB is read", async () => {
  const payload = good + " ".repeat(4 * 1024 * 1024 - good.length);
  const { status } = await api.send({ method: "POST", url: "/v1/sync", headers: json, payload });
  expect(status).toBe(200);
});

test("of a duplicate key the last one counts, for the whole of its value", async () => {
  const payload = good.replace("{", `{"skipList":[${JSON.stringify(entry(vm, "lost"))}],`);
  const text = payload.replace('"sequence":7', '"sequence":8,"sequence":9');
  await api.send({ method: "POST", url: "/v1/sync", headers: json, payload: text });
  const { claims } = await api.claims();
  expect(claims.map(({ operationId }) => operationId)).toEqual(["start-1"]);
});

test("an unknown field is refused without anything reaching Object.prototype", async () => {
  const payload = good.replace("{", '{"__proto__":{"isPolluted":true},');
  await api.send({ method: "POST", url: "/v1/sync", headers: json, payload });
  expect("isPolluted" in {}).toBe(false);
});
