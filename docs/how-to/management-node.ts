// The example of write-a-management-node.md.

import { randomUUID } from "node:crypto";
import type { VmsyncdClient } from "../../src/client/client.ts";
import type { JudgedVm, Judgement, VmMark } from "../../src/client/session/judgement.ts";
import { ManagementNodeSession } from "../../src/client/session/management-node-session.ts";
import { type CurrentStores, systemClock } from "../../src/client/session/ports.ts";

/** What you bring. Each call is one transaction in the database that all management nodes share. */
export interface Database {
  /** Raises the epoch of this management node and gives the new one; at least `least`. */
  nextEpoch(id: string, least: number): Promise<number>;
  readonly stores: CurrentStores;
  /** Marks the VM as starting, and writes the marks into its row. */
  markStarting(vmUuid: string, marks: readonly VmMark[]): Promise<void>;
  markRunning(vmUuid: string, hostId: string): Promise<void>;
  /** The VMs that should be on a host. */
  vmsOn(hostId: string): Promise<readonly string[]>;
  /** Reads the VM's marks and the host's current store, has it judged, and writes the outcome. */
  judgeVm(vmUuid: string, hostId: string, judge: (vm: JudgedVm) => Judgement): Promise<void>;
}

export async function openSession(
  database: Database,
  clientOf: (hostId: string) => VmsyncdClient,
  leastEpoch = 0,
): Promise<ManagementNodeSession> {
  return new ManagementNodeSession({
    id: "mn-1",
    epoch: await database.nextEpoch("mn-1", leastEpoch),
    instance: randomUUID(),
    hosts: clientOf,
    stores: database.stores,
    clock: systemClock,
    random: Math.random,
    onSuperseded: ({ code, currentEpoch }) => {
      // Another process has this id: stop, or open a session of epoch currentEpoch + 1.
      console.error(`superseded: ${code}, epoch ${currentEpoch}`);
    },
  });
}

/** Starts a VM; `start` resolves when it runs, and rejects if that is not known. */
export async function startVm(
  session: ManagementNodeSession,
  database: Database,
  vm: { readonly uuid: string; readonly hostId: string; readonly lastHostId: string },
  start: () => Promise<void>,
): Promise<void> {
  const statement = {
    vmUuid: vm.uuid,
    operationId: randomUUID(),
    reason: "start",
    hosts: [vm.hostId, vm.lastHostId],
  };
  await session.operate(statement, {
    mark: (marks) => database.markStarting(vm.uuid, marks),
    act: async () => {
      await start();
      await database.markRunning(vm.uuid, vm.hostId);
    },
  });
}

/** Once a minute for each host, and at once for all hosts when a management node joins or leaves. */
export async function syncHost(
  session: ManagementNodeSession,
  database: Database,
  hostId: string,
): Promise<void> {
  const expect = [...(await database.vmsOn(hostId))];
  const { hostReport, refused } = await session.sync(hostId, { expect });
  for (const { operationId, detail } of refused) console.error(`${operationId}: ${detail}`);
  for (const uuid of expect) {
    await database.judgeVm(uuid, hostId, (vm) => hostReport.judge(uuid, vm));
  }
  // What it said of stops is in the database now.
  session.noted(hostReport);
}
