import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Api, claimBody, claimUrl, entry, node, otherVm, vm } from "./api.ts";
import { refusal as refusalOf, refusedAt } from "./refusal.ts";

let api: Api;
beforeAll(async () => {
  api = await Api.start();
  await api.claim("live", 5);
  await api.sync({ managementNode: node(6), skipList: [entry(vm, "live")] });
});
afterAll(() => api[Symbol.asyncDispose]());

const refusal = (request: Parameters<Api["send"]>[0]) => refusalOf(api, request);

type Row = readonly [title: string, body: object, field: string];

const undashed = vm.replaceAll("-", "");
const nul = String.fromCharCode(0);

/** One list entry with a change; its field is named below /skipList/0. */
const listed = (change: object): object => {
  return { managementNode: node(7), skipList: [{ ...entry(), ...change }] };
};
const expecting = (...uuids: unknown[]): object => ({ managementNode: node(7), expect: uuids });
const speaker = (change: object): object => {
  return { managementNode: { ...node(7), ...change }, skipList: [entry()] };
};
const without = (name: string): object => {
  const rest = Object.entries(node(7)).filter(([key]) => key !== name);
  return { managementNode: Object.fromEntries(rest), skipList: [entry()] };
};

const badUuids: readonly (readonly [string, string])[] = [
  ["31 hex digits", undashed.slice(1)],
  ["33 hex digits", `${undashed}0`],
  ["mixed dashes", `${undashed.slice(0, 8)}-${undashed.slice(8)}`],
  ["dashes in other places", "7e6b7c2a5-d0f-4c1e-9a55-07c0ffee0007"],
  ["braces", `{${vm}}`],
  ["a urn", `urn:uuid:${vm}`],
  ["a letter that is no digit", vm.replace("7", "g")],
  ["a line feed at its end", `${vm}\n`],
  ["a space before it", ` ${vm}`],
  ["nothing", ""],
];

const syncRows: readonly Row[] = [
  ["no managementNode", { skipList: [] }, "/managementNode"],
  ["managementNode is null", { managementNode: null }, "/managementNode"],
  ["managementNode is a text", { managementNode: "mn-1" }, "/managementNode"],
  ["managementNode is an array", { managementNode: [] }, "/managementNode"],
  ...["id", "epoch", "instance", "sequence"].map((name): Row => {
    return [`managementNode without ${name}`, without(name), `/managementNode/${name}`];
  }),
  ["an unknown field at the top", { ...listed({}), skiplist: [] }, "/skiplist"],
  ["an unknown field in managementNode", speaker({ host: "h" }), "/managementNode/host"],
  ["an unknown field in an entry", listed({ vm }), "/skipList/0/vm"],
  ["an unknown field with / and ~", { ...listed({}), "a/b~c": 1 }, "/a~1b~0c"],
  ["an unknown field `constructor`", { ...listed({}), constructor: 1 }, "/constructor"],
  ["an unknown field `toString`", speaker({ toString: 1 }), "/managementNode/toString"],
  ["the id is a number", speaker({ id: 1 }), "/managementNode/id"],
  ["the id is empty", speaker({ id: "" }), "/managementNode/id"],
  ["the id has 65 characters", speaker({ id: "a".repeat(65) }), "/managementNode/id"],
  ["the id has a line feed", speaker({ id: "a\nb" }), "/managementNode/id"],
  ["the id has a NUL", speaker({ id: `a${nul}` }), "/managementNode/id"],
  ["the id has a C1 control", speaker({ id: "a\u009b31m" }), "/managementNode/id"],
  ["the id has a line separator", speaker({ id: "a\u2028b" }), "/managementNode/id"],
  ["the id has an unpaired surrogate", speaker({ id: "\ud800" }), "/managementNode/id"],
  ["the instance is empty", speaker({ instance: "" }), "/managementNode/instance"],
  ["the instance has DEL", speaker({ instance: "\u007f" }), "/managementNode/instance"],
  ...["epoch", "sequence"].flatMap((name): Row[] =>
    [-1, 1.5, 2 ** 53, "1", true, null, [1], {}].map((value): Row => {
      const title = `${name} is ${JSON.stringify(value)}`;
      return [title, speaker({ [name]: value }), `/managementNode/${name}`];
    }),
  ),
  ...[9, 3601, 0, -1, 60.5, "60", null, true].map((lease): Row => {
    const title = `a lease of ${JSON.stringify(lease)}`;
    return [title, speaker({ leaseSeconds: lease }), "/managementNode/leaseSeconds"];
  }),
  ...[0, -1, 86_401, 1.5, "600", null, true].map((ttl): Row => {
    const title = `a management node's TTL of ${JSON.stringify(ttl)}`;
    return [title, speaker({ orphanTtlSeconds: ttl }), "/managementNode/orphanTtlSeconds"];
  }),
  ...[-1, 1.5, "1", null].map((epoch): Row => {
    const title = `an agent epoch of ${JSON.stringify(epoch)}`;
    return [title, speaker({ agentEpoch: epoch }), "/managementNode/agentEpoch"];
  }),
  ["a store id of nothing", speaker({ storeId: "" }), "/managementNode/storeId"],
  ["a store id of 65 characters", speaker({ storeId: "s".repeat(65) }), "/managementNode/storeId"],
  ["a store id with ESC", speaker({ storeId: "\u001b" }), "/managementNode/storeId"],
  ["skipList is an object", { managementNode: node(7), skipList: {} }, "/skipList"],
  ["skipList is null", { managementNode: node(7), skipList: null }, "/skipList"],
  ["an entry is null", { managementNode: node(7), skipList: [null] }, "/skipList/0"],
  ["an entry is a uuid", { managementNode: node(7), skipList: [vm] }, "/skipList/0"],
  ["the second entry is bad", { managementNode: node(7), skipList: [entry(), 1] }, "/skipList/1"],
  ...Object.keys(entry()).map((name): Row => {
    const rest = Object.entries(entry()).filter(([key]) => key !== name);
    const skipList = [Object.fromEntries(rest)];
    return [
      `an entry without ${name}`,
      { managementNode: node(7), skipList },
      `/skipList/0/${name}`,
    ];
  }),
  ...badUuids.map(([what, uuid]): Row => {
    return [`a uuid in the list with ${what}`, listed({ vmUuid: uuid }), "/skipList/0/vmUuid"];
  }),
  ...badUuids.map(([what, uuid]): Row => {
    return [`a uuid in expect with ${what}`, expecting(vm, uuid), "/expect/1"];
  }),
  ["a uuid in expect is a number", expecting(7), "/expect/0"],
  ["an empty operation id", listed({ operationId: "" }), "/skipList/0/operationId"],
  ["operation id `..`", listed({ operationId: ".." }), "/skipList/0/operationId"],
  ["65 characters", listed({ operationId: "b".repeat(65) }), "/skipList/0/operationId"],
  ["65 emoji", listed({ operationId: "😀".repeat(65) }), "/skipList/0/operationId"],
  ["an escape sequence", listed({ operationId: "\u001b[2J" }), "/skipList/0/operationId"],
  ["a reason of 257 characters", listed({ reason: "r".repeat(257) }), "/skipList/0/reason"],
  ["a reason with a line feed", listed({ reason: "a\nb" }), "/skipList/0/reason"],
  ["a reason that is null", listed({ reason: null }), "/skipList/0/reason"],
  ...[0, -1, 86_401, 1.5, "600", null, true].map((ttl): Row => {
    const title = `a TTL of ${JSON.stringify(ttl)}`;
    return [title, listed({ orphanTtlSeconds: ttl }), "/skipList/0/orphanTtlSeconds"];
  }),
  ["expect is a text", { managementNode: node(7), expect: vm }, "/expect"],
  ["include is a text", { managementNode: node(7), include: "libvirt" }, "/include"],
  ["include is unknown", { managementNode: node(7), include: ["qemu"] }, "/include/0"],
  ["include twice", { managementNode: node(7), include: ["libvirt", "libvirt"] }, "/include"],
  [
    "an entry twice",
    { managementNode: node(7), skipList: [entry(), entry(otherVm), entry()] },
    "/skipList/2",
  ],
  [
    "an entry dashed and undashed",
    { managementNode: node(7), skipList: [entry(), entry(undashed)] },
    "/skipList/1",
  ],
  [
    "an entry in lower and upper case",
    { managementNode: node(7), skipList: [entry(), entry(vm.toUpperCase())] },
    "/skipList/1",
  ],
  ["a VM twice in expect", expecting(vm, otherVm, vm), "/expect/2"],
  ["a VM in expect dashed and undashed", expecting(vm, undashed), "/expect/1"],
  ["a VM in expect in both cases", expecting(undashed, undashed.toUpperCase()), "/expect/1"],
];

describe("POST /v1/sync with a list is refused whole and changes nothing", () => {
  test.each(syncRows)("%s", async (_title, payload, field) => {
    const request = { method: "POST", url: "/v1/sync", payload } as const;
    expect(await refusal(request)).toEqual(refusedAt(field, "body"));
  });

  test.each([
    ["skipList", Array.from({ length: 20_001 }, (_, at) => entry(vm, String(at)))],
    ["expect", Array.from({ length: 20_001 }, (_, at) => at.toString(16).padStart(32, "0"))],
  ])("%s with 20,001 entries", async (name, entries) => {
    const payload = { managementNode: node(7), [name]: entries };
    const request = { method: "POST", url: "/v1/sync", payload } as const;
    expect(await refusal(request)).toEqual(refusedAt(`/${name}`, "body"));
  });
});

const claimRows: readonly Row[] = [
  ["no managementNode", { reason: "start" }, "/managementNode"],
  ["no reason", { managementNode: node(7) }, "/reason"],
  ["operator beside managementNode", { ...claimBody(7), operator: true }, "/operator"],
  ["operator false", { operator: false, reason: "start" }, "/operator"],
  ["operator as a text", { operator: "true", reason: "start" }, "/operator"],
  ["the operator's without reason", { operator: true }, "/reason"],
  [
    "the operator's with a TTL of 0",
    { operator: true, reason: "x", orphanTtlSeconds: 0 },
    "/orphanTtlSeconds",
  ],
  ["an unknown field", { ...claimBody(7), vmUuid: vm }, "/vmUuid"],
  [
    "an unknown field in managementNode",
    { managementNode: { ...node(7), x: 1 }, reason: "start" },
    "/managementNode/x",
  ],
  ...[0, -1, 86_401, 1.5, "600"].map((ttl): Row => {
    const body = { ...claimBody(7), orphanTtlSeconds: ttl };
    return [`a TTL of ${JSON.stringify(ttl)}`, body, "/orphanTtlSeconds"];
  }),
];

describe("PUT of a claim is refused and changes nothing", () => {
  test.each(claimRows)("%s", async (_title, payload, field) => {
    const request = { method: "PUT", url: claimUrl(), payload } as const;
    expect(await refusal(request)).toEqual(refusedAt(field, "body"));
  });
});

const badPaths: readonly (readonly [string, string, string])[] = [
  ...badUuids.map(([what, uuid]) => [`a uuid with ${what}`, uuid, "/vmUuid"] as const),
  ["an empty operation id", "", "/operationId"],
  ["65 characters", "a".repeat(65), "/operationId"],
  ["a line feed", "a\nb", "/operationId"],
  ["a NUL", nul, "/operationId"],
  ["an escape sequence", "\u001b[2J", "/operationId"],
  ["DEL", "\u007f", "/operationId"],
  ["a C1 control", "\u0085", "/operationId"],
  ["a paragraph separator", "\u2029", "/operationId"],
];

describe.each(["PUT", "DELETE"] as const)("%s of a claim is refused for its path", (method) => {
  test.each(badPaths)("%s", async (_title, text, field) => {
    const isVm = field === "/vmUuid";
    const url = isVm ? claimUrl("live", encodeURIComponent(text)) : claimUrl(text);
    const payload = method === "PUT" ? { payload: claimBody(7) } : {};
    expect(await refusal({ method, url, ...payload })).toEqual(refusedAt(field, "path"));
  });
});

const heartbeatRows: readonly Row[] = [
  ["nothing", {}, "/managementNode"],
  ["an unknown field", { managementNode: node(7), skipList: [] }, "/skipList"],
  ["a negative sequence", { managementNode: node(-7) }, "/managementNode/sequence"],
  ["another id than the path's", { managementNode: node(7, "mn-2") }, "/managementNode/id"],
];

test.each(heartbeatRows)("PUT of a management node is refused: %s", async (...row) => {
  const [, payload, field] = row;
  const request = { method: "PUT", url: "/v1/management-nodes/mn-1", payload } as const;
  expect(await refusal(request)).toEqual(refusedAt(field, "body"));
});
