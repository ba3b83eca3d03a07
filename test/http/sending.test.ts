import { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { node } from "./api.ts";
import { RawConnection } from "./raw-connection.ts";
import { ServedFolder } from "./served-folder.ts";

let folder: ServedFolder;
beforeEach(async () => {
  folder = await ServedFolder.make();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await folder[Symbol.asyncDispose]();
});

const body = JSON.stringify({ managementNode: node(), skipList: [] });
const json = ["content-type: application/json", `content-length: ${body.length}`];

// A claim that came in between would be missed by a report that is not sent yet (G1).
test.each([
  ["GET", "/v1/report?include=libvirt", [], ""],
  ["POST", "/v1/sync", json, body],
])("%s %s: from filtering to sending nothing else can happen", async (...request) => {
  const [method, url, headers, text] = request;
  const { agent } = folder.api;
  const order: string[] = [];
  const deliver = agent.deliver.bind(agent);
  vi.spyOn(agent, "deliver").mockImplementation((look, expected, send, to) => {
    const watched: typeof send = (report) => {
      order.push("filtered");
      // As early as anything can run once this code has let go.
      queueMicrotask(() => order.push("something else"));
      send(report);
    };
    deliver(look, expected, watched, to);
  });
  const end = Reflect.get(ServerResponse.prototype, "end") as (
    ...args: unknown[]
  ) => ServerResponse;
  vi.spyOn(ServerResponse.prototype, "end").mockImplementation(function (
    this: ServerResponse,
    ...args: unknown[]
  ) {
    order.push("sent");
    return Reflect.apply(end, this, args);
  });
  await folder.socket();
  using connection = await RawConnection.open({ path: folder.file() });
  connection.write(`${method} ${url} HTTP/1.1`, "host: h", ...headers, "", text);
  await expect.poll(() => connection.received).toContain("absentMeans");
  expect(connection.answer(method, url).status).toBe(200);
  expect(order).toEqual(["filtered", "sent", "something else"]);
});
