// The example of the how-to page is code that is run here, and the page shows this very code.

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import {
  type Database,
  openSession,
  startVm,
  syncHost,
} from "../../../docs/how-to/management-node.ts";
import type { VmsyncdClient } from "../../../src/client/client.ts";
import type { JudgedVm, Judgement, VmMark } from "../../../src/client/session/judgement.ts";
import { FakeStores, settled, vm } from "./fake-cloud.ts";
import { FakeHost } from "./fake-host.ts";

const folder = path.resolve(import.meta.dirname, "../../../docs/how-to");
const textOf = (name: string) => readFileSync(path.join(folder, name), "utf8");

test("the page shows the example as it is run", () => {
  const [, shown] = /```ts\n(.*?)```/s.exec(textOf("write-a-management-node.md")) ?? [];
  expect(shown).toBe(textOf("management-node.ts"));
});

class FakeDatabase implements Database {
  readonly stores = new FakeStores();
  readonly events: string[] = [];
  #marks: readonly VmMark[] = [];

  async nextEpoch(_id: string, least: number): Promise<number> {
    return Math.max(4, least);
  }

  async markStarting(_vmUuid: string, marks: readonly VmMark[]): Promise<void> {
    this.#marks = marks;
    this.events.push("starting");
  }

  async markRunning(_vmUuid: string, hostId: string): Promise<void> {
    this.events.push(`running on ${hostId}`);
  }

  async vmsOn(): Promise<readonly string[]> {
    return [vm];
  }

  async judgeVm(_vmUuid: string, hostId: string, judge: (vm: JudgedVm) => Judgement) {
    const currentStoreId = await this.stores.read(hostId);
    this.events.push(judge({ marks: this.#marks, currentStoreId }).verdict);
  }
}

test("the example starts a VM that no report calls stopped meanwhile, and then judges it", async () => {
  const database = new FakeDatabase();
  const hosts = new Map([
    ["a", new FakeHost()],
    ["b", new FakeHost()],
  ]);
  const session = await openSession(database, (id) => {
    return hosts.get(id) as unknown as VmsyncdClient;
  });
  const [a, b] = [...hosts.values()] as [FakeHost, FakeHost];
  const arrive = a.hold("sync");
  const early = syncHost(session, database, "a");
  await settled();
  const place = { uuid: vm, hostId: "a", lastHostId: "b" };
  // The look began before the claim: its report has the revision of then.
  a.says = { skipRevision: a.revision };
  await startVm(session, database, place, async () => {
    expect([a.live.size, b.live.size]).toEqual([1, 1]);
  });
  arrive();
  await early;
  await settled();
  a.says = { states: { [vm]: "Running" } };
  await syncHost(session, database, "a");
  expect(database.events).toEqual(["starting", "running on a", "unknown", "alive"]);
  expect([a.live.size, b.live.size]).toEqual([0, 0]);
  session.stop();
});
