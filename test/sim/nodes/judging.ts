// How a management node judges a report: skip set before sending, rows before sending, the report,
// skip set again, compare; what changed meanwhile drops out.

import type { HostReport, Judgement } from "../../../src/client/session/judgement.ts";
import type { VmRow } from "../world/database.ts";
import type { ManagerProcess } from "./manager.ts";
import { operate } from "./operating.ts";

/** Syncs with a host and acts on what its report says. */
export async function syncAndJudge(process: ManagerProcess, host: string): Promise<void> {
  const { database } = process.world;
  const skippedBefore = new Set(process.inFlight);
  const before = database.rows();
  const expect = before.filter((row) => isJudgedBy(row, host)).map(({ vm }) => vm);
  const { hostReport } = await process.session.sync(host, { expect });
  for (const row of before) {
    if (skippedBefore.has(row.vm) || process.inFlight.has(row.vm)) continue;
    judge(process, host, row, hostReport);
  }
  // What the report said of stops is in the database, or it says nothing that the next one would not.
  process.session.noted(hostReport);
}

/** Of a VM that is nowhere, its last host tells. */
function isJudgedBy(row: VmRow, host: string): boolean {
  return row.host === host || (row.host === undefined && row.lastHost === host);
}

/** One transaction: what the row says must still be what it said before the question. */
function judge(process: ManagerProcess, host: string, before: VmRow, hostReport: HostReport): void {
  const { database } = process.world;
  const row = database.row(before.vm);
  if (row.state !== before.state || row.host !== before.host) return;
  const { marks } = row;
  const said = hostReport.judge(row.vm, { marks, currentStoreId: database.currentStore(host) });
  if (said.verdict === "alive") foundAlive(process, host, row);
  if (said.verdict === "stopped" && isJudgedBy(row, host)) {
    foundStopped(process, host, row, hostReport, said);
  }
}

function foundAlive({ world }: ManagerProcess, host: string, row: VmRow): void {
  if (row.state === "Running" && row.host === host) return;
  // It may run in two places as far as the database knows: that is for people.
  if (row.state === "Running" && row.host !== undefined) return;
  world.database.change(row.vm, row.version, { state: "Running", host, lastHost: host });
}

function foundStopped(
  process: ManagerProcess,
  host: string,
  row: VmRow,
  { report }: HostReport,
  said: Judgement & { verdict: "stopped" },
): void {
  if (row.state === "Stopped") return;
  const { world } = process;
  const judgement = world.judged(row.vm, host, report);
  world.note(process.id, `judges ${row.vm.slice(0, 4)} ${said.state} by ${host} (${judgement})`);
  const to = { state: "Stopped", host: undefined, lastHost: host, judgement } as const;
  if (world.database.change(row.vm, row.version, to) === undefined) return;
  if (!row.isWanted) return;
  operate(process, row.vm, "start", process.random.pick(world.hosts).name);
}
