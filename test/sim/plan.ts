// A world's plan: what kind of world it is, and every action that befalls it, each with its moment.
// A plan is data, so that it can be shrunk by leaving actions out and run again. What an action draws
// by chance comes from its own salt; latencies come from streams of the seed.

import type { AgentSettings } from "./nodes/agent-node.ts";
import type { Weather } from "./world/network.ts";

/** What a management node is asked to do with a VM. */
export const operations = ["start", "stop", "reboot", "migrate"] as const;
export type OperationKind = (typeof operations)[number];

export type Action = { readonly atMs: number; readonly salt: number } & (
  | { readonly kind: "speak"; readonly speaker: number; readonly host: number }
  | {
      readonly kind: "operate";
      readonly node: number;
      readonly vm: number;
      readonly what: OperationKind;
    }
  | { readonly kind: "node-crash"; readonly node: number; readonly forMs: number }
  | { readonly kind: "node-stall"; readonly node: number; readonly forMs: number }
  | { readonly kind: "node-twin"; readonly node: number; readonly forMs: number }
  | { readonly kind: "node-departed"; readonly node: number; readonly by: number }
  | { readonly kind: "vm-run"; readonly vm: number; readonly host: number }
  | {
      readonly kind: "vm-end";
      readonly vm: number;
      readonly how: "shutdown" | "crashed" | "destroyed";
    }
  | {
      /** A VM crashes, and what its host then tells one node comes late: others are faster. */
      readonly kind: "answer-late";
      readonly vm: number;
      readonly node: number;
      readonly forMs: number;
    }
  | { readonly kind: "vm-forgotten"; readonly vm: number; readonly host: number }
  | {
      readonly kind: "agent-kill";
      readonly host: number;
      readonly forMs: number;
      readonly store: StoreEvent;
    }
  | { readonly kind: "agent-kill-at-answer"; readonly host: number; readonly forMs: number }
  | { readonly kind: "agent-stall"; readonly host: number; readonly forMs: number }
  | {
      readonly kind: "host-reboot";
      readonly host: number;
      readonly forMs: number;
      readonly store: StoreEvent;
    }
  | { readonly kind: "host-suspend"; readonly host: number; readonly forMs: number }
  | { readonly kind: "wall-step"; readonly host: number; readonly byMs: number }
  | {
      readonly kind: "libvirt";
      readonly host: number;
      readonly mood: "hangs" | "down";
      readonly forMs: number;
    }
  | { readonly kind: "table-hidden"; readonly host: number; readonly forMs: number }
  | {
      readonly kind: "disk-fails";
      readonly host: number;
      readonly code: "full" | "read-only" | "failed";
      readonly forMs: number;
    }
  | {
      readonly kind: "disk-slow";
      readonly host: number;
      readonly eachMs: number;
      readonly forMs: number;
    }
  | { readonly kind: "backup"; readonly host: number }
  | { readonly kind: "cut"; readonly node: number; readonly host: number; readonly forMs: number }
  | { readonly kind: "storm"; readonly forMs: number }
);

/** What happens to the store while the agent is down. */
export type StoreEvent = "kept" | "lost" | "damaged" | "restored";

export interface WorldSettings {
  readonly endMs: number;
  readonly vms: number;
  /** Management nodes that keep the rules: sessions with a database and an HA module. */
  readonly managementNodes: number;
  /** Those that say whatever they like. */
  readonly speakers: number;
  readonly syncIntervalMs: number;
  readonly leaseSeconds: number;
  readonly agent: AgentSettings;
  readonly weather: Weather;
  readonly storm: Weather;
  /** How long a start may wait on its host. */
  readonly startDelayMs: number;
  /** Every look takes so long, and reads at its beginning; absent: as long as it happens to. */
  readonly lookMs?: number;
}

export interface Plan {
  readonly seed: number;
  readonly settings: WorldSettings;
  readonly actions: readonly Action[];
}

/** One line per action. */
export function planText({ seed, settings, actions }: Plan): string {
  const lines = actions.map(({ atMs, kind, ...rest }) => {
    const said = Object.entries(rest).filter(([name]) => name !== "salt");
    const words = said.map(([name, value]) => `${name} ${String(value)}`);
    return `  ${(atMs / 1000).toFixed(3).padStart(9)} s  ${kind} ${words.join(", ")}`;
  });
  const { endMs, vms, managementNodes, speakers } = settings;
  const head = `seed ${seed}: ${vms} VMs, ${managementNodes} management nodes, ${speakers} speakers, ${endMs / 1000} s, ${actions.length} actions`;
  return [head, ...lines].join("\n");
}
