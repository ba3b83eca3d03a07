// An operation of a management node, in the order that the rules demand: claim on every host whose
// report may judge the VM, mark the VM's row, act, note the outcome, continue.

import type { VmMark } from "../../../src/client/session/judgement.ts";
import type { OperationKind } from "../plan.ts";
import type { RowState, VmRow } from "../world/database.ts";
import { carryOut, type Order } from "../world/orders.ts";
import type { ManagerProcess } from "./manager.ts";

/** How long an operation may take before its outcome counts as unknown. */
const patienceMs = 20_000;

interface Job {
  readonly vm: string;
  readonly what: OperationKind;
  readonly operationId: string;
  readonly row: VmRow;
  /** Where the order goes. */
  readonly host: string;
  readonly destination: string | undefined;
}

/** Begins an operation, if the VM's row allows it now. */
export function operate(
  process: ManagerProcess,
  vm: string,
  what: OperationKind,
  chosen: string,
): void {
  const row = process.world.database.row(vm);
  if (process.inFlight.has(vm)) return;
  const isStart = what === "start";
  if (row.state !== (isStart ? "Stopped" : "Running")) return;
  const host = isStart ? chosen : row.host;
  if (host === undefined) return;
  const destination =
    what === "migrate" ? process.world.hosts.find(({ name }) => name !== host)?.name : undefined;
  const operationId = process.nextOperation();
  process.inFlight.add(vm);
  carry(process, { vm, what, operationId, row, host, destination })
    .catch(() => {})
    .finally(() => process.inFlight.delete(vm));
}

const during: Readonly<Record<OperationKind, RowState>> = {
  start: "Starting",
  stop: "Stopping",
  reboot: "Rebooting",
  migrate: "Migrating",
};

async function carry(process: ManagerProcess, job: Job): Promise<void> {
  const { session, world } = process;
  const { vm, what, operationId, row, host, destination } = job;
  const judging = [host, destination, row.host, row.lastHost];
  const hosts = [...new Set(judging.filter((name) => name !== undefined))];
  const marks = await session.begin({ vmUuid: vm, operationId, reason: what, hosts });
  const version = mark(process, job, marks);
  if (version === undefined) {
    // Another management node was faster: nothing was begun.
    void session.finish(vm, operationId, "known").catch(() => {});
    return;
  }
  world.noteMarked(operationId);
  const isKnown = await act(process, job);
  const isNoted = isKnown !== undefined && note(process, job, version, isKnown);
  const outcome = isKnown === undefined ? "unknown" : "known";
  if (isKnown !== undefined && !isNoted)
    world.note(process.id, `${operationId}: the row has moved on`);
  void session.finish(vm, operationId, outcome).catch(() => {});
}

/** The transaction that marks the VM as being operated on. */
function mark(
  { world }: ManagerProcess,
  { vm, what, row }: Job,
  marks: readonly VmMark[],
): number | undefined {
  const isWanted = what === "stop" ? false : what === "start" ? true : row.isWanted;
  return world.database.change(vm, row.version, { state: during[what], marks, isWanted });
}

/** @returns whether it succeeded; undefined: not known */
async function act(process: ManagerProcess, job: Job): Promise<boolean | undefined> {
  const { world } = process;
  const { operationId, what, vm } = job;
  const host = world.host(job.host);
  const destination =
    job.destination === undefined ? {} : { destination: world.host(job.destination) };
  const order: Order = { id: operationId, what, vm, host, ...destination };
  world.orderGiven(operationId, what === "start" ? job.row.judgement : undefined);
  world.note(process.id, `orders ${what} of ${vm.slice(0, 4)} on ${job.host} (${operationId})`);
  const { network, scheduler } = world;
  return new Promise((resolve) => {
    const answered = (ok: boolean): void => {
      network.send(host.name, process.id, () => scheduler.after(0, () => resolve(ok), process));
    };
    network.send(process.id, host.name, () => carryOut(order, world.orderPorts, answered));
    scheduler.after(patienceMs, () => resolve(undefined), process);
  });
}

/** The transaction that notes the outcome; false if the row is not that of the operation any more. */
function note({ world }: ManagerProcess, job: Job, version: number, ok: boolean): boolean {
  const { vm, what, row, host, destination } = job;
  const to = outcomeOf(what, ok, host, destination, row);
  return world.database.change(vm, version, to) !== undefined;
}

function outcomeOf(
  what: OperationKind,
  ok: boolean,
  host: string,
  destination: string | undefined,
  row: VmRow,
): Partial<VmRow> {
  switch (what) {
    case "start":
      // It may be active there already: a report will tell.
      return ok
        ? { state: "Running", host, lastHost: host, judgement: undefined }
        : { state: "Starting", host, lastHost: host };
    case "stop":
      return { state: "Stopped", host: undefined, lastHost: host };
    case "reboot":
      return { state: "Running", host, lastHost: host };
    case "migrate":
      return ok
        ? { state: "Running", host: destination, lastHost: row.host }
        : { state: "Running", host };
    default:
      throw new Error(`unreachable: ${JSON.stringify(what satisfies never)}`);
  }
}
