// A start with 10,000 live claims of 4 management nodes, and one filter of a report with them. Each start
// is that of a fresh process, which runs this file with its compiled code kept, as the launcher keeps it.

import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Agent } from "../src/agent/agent.ts";
import { bootTimeClock } from "../src/clock.ts";
import { parseVmUuid, type VmUuid } from "../src/core/vm-uuid.ts";
import { openStore } from "../src/store/open.ts";
import { FakeObserver } from "../test/http/fake-observer.ts";
import { type Figure, median } from "./figures.ts";

const nodes = 4;
const claims = 10_000;
const starts = 7;
/** VMs that libvirt shows; half of them have a claim. */
const domains = 200;
const filters = 200;

interface Times {
  readonly startMs: number;
  readonly filterMs: number;
  readonly claims: number;
}

async function start(folder: string) {
  const clock = bootTimeClock();
  const startedAtMs = performance.now();
  const { store, past } = await openStore({ folder });
  const observer = new FakeObserver(() => clock.now());
  const agent = await Agent.start(
    {
      clock,
      log: { info: () => {}, warn: () => {} },
      observer,
      libvirt: {
        status: () => {
          throw new Error("nobody asks for it here");
        },
      },
      store,
      soon: setImmediate,
      newId: randomUUID,
    },
    { host: { id: "bench", bootId: "boot" }, version: "0" },
    {
      leaseSeconds: 180,
      leaseSecondsMax: 600,
      orphanTtlSeconds: 600,
      claimAgeWarningSeconds: 7_200,
      managementNodes: [],
    },
    past,
  );
  return { agent, store, observer, startMs: performance.now() - startedAtMs };
}

function newVm(): VmUuid {
  return parseVmUuid(randomUUID()) as VmUuid;
}

async function prepare(folder: string, count: number): Promise<void> {
  const { agent, store } = await start(folder);
  await agent.endAmnesia("operator");
  for (let node = 1; node <= nodes; node += 1) {
    const list = Array.from({ length: count / nodes }, (_, place) => {
      return { vmUuid: newVm(), operationId: `start-${place}`, reason: "start" };
    });
    const from = { id: `mn-${node}`, epoch: 1, instance: "i", sequence: 1 };
    await agent.sync(from, list);
  }
  await agent.stop();
  await store.close(5_000);
}

async function measure(folder: string): Promise<Times> {
  const { agent, store, observer, startMs } = await start(folder);
  const live = agent.claims().claims;
  const claimed = live.slice(0, domains / 2).map(({ vmUuid }) => vmUuid);
  const others = Array.from({ length: domains / 2 }, newVm);
  const domain = (uuid: VmUuid) => ({ uuid, name: uuid, state: 1, reason: 1 });
  observer.show(...[...claimed, ...others].map(domain));
  const look = await agent.observe();
  const times = Array.from({ length: filters }, () => {
    const startedAtMs = performance.now();
    agent.deliver(look, [], () => {}, "mn-1");
    return performance.now() - startedAtMs;
  });
  await agent.stop();
  await store.close(5_000);
  return { startMs, filterMs: median(times), claims: live.length };
}

function measureInProcess(folder: string, compileCache: string): Times {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), folder], {
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  return JSON.parse(output.toString()) as Times;
}

/** Starts with and without claims, in turn. */
export async function withManyClaims(): Promise<Figure[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-bench-"));
  const [full, empty] = [path.join(folder, "full"), path.join(folder, "empty")];
  const compileCache = path.join(folder, "compiled");
  try {
    await prepare(full, claims);
    await prepare(empty, 0);
    measureInProcess(empty, compileCache);
    const runs = Array.from({ length: starts }, () => {
      const [withClaims, without] = [full, empty].map((of) => measureInProcess(of, compileCache));
      if (withClaims?.claims !== claims || without?.claims !== 0) {
        throw new Error(`cannot measure with ${withClaims?.claims} and ${without?.claims} claims`);
      }
      return { withClaims, loadMs: withClaims.startMs - without.startMs };
    });
    const startMs = median(runs.map(({ withClaims }) => withClaims.startMs));
    const loadMs = median(runs.map((run) => run.loadMs));
    const filterMs = median(runs.map(({ withClaims }) => withClaims.filterMs));
    return [
      {
        name: `start of the agent with ${claims} claims, median of ${starts}`,
        value: startMs,
        unit: "ms",
      },
      { name: "of it for the load of the claims, median", value: loadMs, unit: "ms", below: 200 },
      { name: `one filter with ${claims} claims, median`, value: filterMs, unit: "ms", below: 2 },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const [folder = ""] = process.argv.slice(2);
  process.stdout.write(JSON.stringify(await measure(folder)));
}
