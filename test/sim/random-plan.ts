// From a seed to a plan.

import type { Action, Plan, StoreEvent, WorldSettings } from "./plan.ts";
import { operations } from "./plan.ts";
import { Random } from "./random.ts";
import type { Weather } from "./world/network.ts";

type Kind = Action["kind"];

/** How often each fault comes, against the others. */
const faultWeights: Readonly<Record<Exclude<Kind, "speak" | "operate">, number>> = {
  "node-crash": 3,
  "node-stall": 2,
  "node-twin": 1,
  "node-departed": 3,
  "vm-run": 4,
  "vm-end": 5,
  "vm-forgotten": 1,
  "answer-late": 2,
  "agent-kill": 5,
  "agent-kill-at-answer": 3,
  "agent-stall": 2,
  "host-reboot": 2,
  "host-suspend": 1,
  "wall-step": 3,
  libvirt: 3,
  "table-hidden": 2,
  "disk-fails": 2,
  "disk-slow": 2,
  backup: 1,
  cut: 2,
  storm: 2,
};

/** Worlds in which the agents wait for their management nodes by name. */
const configuredShare = 0.4;
/** Worlds of management nodes that keep the rules; the others are full of idle talk. */
const orderlyShare = 0.4;

export function randomPlan(seed: number): Plan {
  const random = new Random(seed, "plan");
  const settings = randomSettings(random);
  const actions: Action[] = [];
  const at = (): number => Math.round(random.between(0, settings.endMs));
  const { speakers, managementNodes, vms, endMs } = settings;
  const statements = speakers === 0 ? 0 : random.whole(25, 70);
  for (let count = 0; count < statements; count += 1) {
    const speaker = random.below(speakers);
    const action = { kind: "speak", speaker, host: random.below(2) } as const;
    actions.push({ ...action, atMs: at(), salt: salt(random) });
    // Several at once race each other.
    if (random.chance(0.3)) {
      actions.push({ ...action, atMs: (actions.at(-1) as Action).atMs + 1, salt: salt(random) });
    }
  }
  const asked = managementNodes === 0 ? 0 : random.whole(3, 8);
  for (let count = 0; count < asked; count += 1) {
    const node = random.below(managementNodes);
    const what = count < vms ? "start" : random.pick(operations);
    const vm = count < vms ? count : random.below(vms);
    const atMs = count < vms ? random.below(10_000) : at();
    actions.push({ kind: "operate", node, vm, what, atMs, salt: salt(random) });
  }
  const faults = random.whole(2, 12);
  for (let count = 0; count < faults; count += 1) {
    actions.push(randomFault(random, settings, Math.round(random.between(0, endMs * 0.9))));
  }
  return { seed, settings, actions: actions.toSorted((one, other) => one.atMs - other.atMs) };
}

function salt(random: Random): number {
  return random.below(2 ** 31);
}

function randomSettings(random: Random): WorldSettings {
  const isOrderly = random.chance(orderlyShare);
  const managementNodes = isOrderly ? random.whole(2, 4) : 0;
  const speakers = isOrderly ? random.below(2) : random.whole(2, 3);
  const names = [
    ...Array.from({ length: managementNodes }, (_, place) => `mn${place + 1}`),
    ...Array.from({ length: speakers }, (_, place) => `sp${place + 1}`),
  ];
  const leaseSecondsMax = random.pick([10, 10, 15, 30, 600]);
  const leaseSeconds = Math.min(leaseSecondsMax, random.pick([10, 12, 20, 180]));
  const orphanTtlSeconds = random.pick([1, 5, 10, 20, 20, 45, 600]);
  const waitsByName = random.chance(configuredShare);
  return {
    endMs: random.whole(60_000, 240_000),
    vms: random.whole(1, 3),
    managementNodes,
    speakers,
    syncIntervalMs: random.whole(3_000, 15_000),
    leaseSeconds: random.whole(10, leaseSecondsMax),
    agent: {
      leaseSeconds,
      leaseSecondsMax,
      orphanTtlSeconds,
      claimAgeWarningSeconds: 60,
      managementNodes: waitsByName ? names : [],
    },
    weather: randomWeather(random, 1),
    storm: randomWeather(random, 6),
    startDelayMs: random.pick([500, 3_000, 15_000]),
  };
}

function randomWeather(random: Random, factor: number): Weather {
  const isFair = factor === 1 && random.chance(0.3);
  return {
    delayMs: random.between(0.5, 10) * factor,
    dropShare: isFair ? 0 : random.between(0, 0.04) * factor,
    repeatShare: isFair ? 0 : random.between(0, 0.05) * factor,
    straggleShare: isFair ? 0 : random.between(0, 0.08) * factor,
    straggleMs: random.pick([500, 5_000, 30_000]),
  };
}

function randomFault(random: Random, settings: WorldSettings, atMs: number): Action {
  const kind = random.weighted(faultWeights);
  const { managementNodes, vms } = settings;
  const host = random.below(2);
  const vm = random.below(vms);
  const node = random.below(Math.max(1, managementNodes));
  const base = { atMs, salt: salt(random) };
  switch (kind) {
    case "node-stall":
      return { ...base, kind, node, forMs: random.pick([3_000, 12_000, 60_000]) * random.next() };
    case "node-crash":
    case "node-twin":
      return { ...base, kind, node, forMs: random.whole(100, 60_000) };
    case "node-departed":
      return { ...base, kind, node, by: random.below(Math.max(1, managementNodes)) };
    case "answer-late":
      return { ...base, kind, vm, node, forMs: random.whole(2_000, 20_000) };
    case "vm-run":
    case "vm-forgotten":
      return { ...base, kind, vm, host };
    case "vm-end":
      return { ...base, kind, vm, how: random.pick(["shutdown", "crashed", "destroyed"]) };
    case "agent-kill":
      return { ...base, kind, host, forMs: downTime(random), store: storeEvent(random) };
    case "agent-kill-at-answer":
      return { ...base, kind, host, forMs: random.whole(1, 3_000) };
    case "agent-stall":
    case "host-suspend":
      return { ...base, kind, host, forMs: stallTime(random) };
    case "host-reboot":
      return { ...base, kind, host, forMs: random.whole(2_000, 30_000), store: storeEvent(random) };
    case "wall-step":
      return {
        ...base,
        kind,
        host,
        byMs: random.pick([-1, 1]) * random.pick([400, 3_000, 60_000, 3_600_000]),
      };
    case "libvirt":
      return {
        ...base,
        kind,
        host,
        mood: random.pick(["hangs", "down"]),
        forMs: random.whole(200, 20_000),
      };
    case "table-hidden":
      return { ...base, kind, host, forMs: random.whole(200, 20_000) };
    case "disk-fails":
      return {
        ...base,
        kind,
        host,
        code: random.pick(["full", "read-only", "failed"]),
        forMs: random.whole(100, 20_000),
      };
    case "disk-slow":
      return {
        ...base,
        kind,
        host,
        eachMs: random.pick([50, 500, 3_000]),
        forMs: random.whole(1_000, 30_000),
      };
    case "backup":
      return { ...base, kind, host };
    case "cut":
      return { ...base, kind, node, host, forMs: random.whole(1_000, 60_000) };
    case "storm":
      return { ...base, kind, forMs: random.whole(2_000, 40_000) };
    default:
      throw new Error(`unreachable: ${JSON.stringify(kind satisfies never)}`);
  }
}

function downTime(random: Random): number {
  return random.chance(0.7) ? random.whole(10, 5_000) : random.whole(5_000, 90_000);
}

/** Clearly shorter or clearly longer than what the agent counts as a gap. */
function stallTime(random: Random): number {
  return random.chance(0.4) ? random.whole(100, 4_000) : random.whole(6_000, 60_000);
}

function storeEvent(random: Random): StoreEvent {
  return random.weighted({ kept: 8, lost: 1, damaged: 1, restored: 1 });
}
