// Rule 6: what a report said of stops is acknowledged once it is in the database.

import { beforeEach, expect, test } from "vitest";
import { FakeCloud } from "./fake-cloud.ts";
import { unreachable } from "./fake-host.ts";

let cloud: FakeCloud;
beforeEach(() => {
  cloud = new FakeCloud();
});

function acknowledged(host: "a" | "b" = "a"): unknown[] {
  return cloud[host].sentOf("sync").map(({ args }) => {
    const [body] = args as [{ acknowledges?: string }];
    return body.acknowledges;
  });
}

test("a report that was noted is acknowledged by the next sync with its host, and only by that", async () => {
  const session = cloud.session();
  const { hostReport } = await session.sync("a");
  session.noted(hostReport);
  await session.sync("b");
  await session.sync("a");
  await session.sync("a");
  const { reportId } = hostReport.report;
  expect(acknowledged()).toEqual([undefined, reportId, undefined]);
  expect(acknowledged("b")).toEqual([undefined]);
});

test("it is acknowledged again by the sync after one that failed", async () => {
  const session = cloud.session();
  const { hostReport } = await session.sync("a");
  session.noted(hostReport);
  cloud.a.fail("sync", unreachable);
  await expect(session.sync("a")).rejects.toThrow("cannot reach");
  await session.sync("a");
  expect(acknowledged().at(-1)).toBe(hostReport.report.reportId);
});

test("what a caller acknowledges by himself goes first, and the noted one after it", async () => {
  const session = cloud.session();
  const { hostReport } = await session.sync("a");
  session.noted(hostReport);
  await session.sync("a", { acknowledges: "another" });
  await session.sync("a");
  expect(acknowledged()).toEqual([undefined, "another", hostReport.report.reportId]);
});
