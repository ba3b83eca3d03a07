// What is configured of the store reaches it.

import { expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { SimulatedHost } from "./simulated-host.ts";

/** The least that can be configured. */
const entriesMax = 1_000;
const claims = 600;

test("the history is cut to the entries that are configured", async () => {
  await using host = await SimulatedHost.start();
  await host.startDaemon(`--store-history-entries-max=${entriesMax}`);
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  const skipList = Array.from({ length: claims }, (_, index) => ({
    vmUuid: "00000000-0000-4000-8000-000000000001",
    operationId: `operation-${index}`,
    reason: "start",
  }));
  const from = { id: "mn-1", epoch: 1, instance: "i" };
  await client.sync({ managementNode: { ...from, sequence: 1 }, skipList });
  await client.sync({ managementNode: { ...from, sequence: 2 }, skipList: [] });
  const { entries } = await client.history({ limit: 1_000 });
  const { entries: older } = await client.history({
    limit: 1_000,
    before: entries.at(-1)?.id ?? 0,
  });
  expect(entries.length + older.length).toBe(entriesMax);
});
