// The story of the problem, played once against a running agent: what every line says is what the
// agent answered, and a line that would not be true ends the story with an error.

import { randomUUID } from "node:crypto";
import type { Report, VmsyncdClient } from "../client/client.ts";
import type { SimulatedDomains } from "../simulator/domains.ts";

export interface StoryWorld {
  readonly client: VmsyncdClient;
  readonly domains: SimulatedDomains;
  readonly tell: (line: string) => void;
}

export const storyNodes = { first: "mn-1", second: "mn-2" } as const;

const vm = { name: "web-7", uuid: "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007" } as const;
const neighbour = { name: "db-1", uuid: "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab" } as const;
const operationId = "start-web-7";
/** Bound on everything that the story waits for. */
const patienceMs = 10_000;

/** Plays the story. The neighbour and the VM must not exist yet. */
export async function playStory({ client, domains, tell }: StoryWorld): Promise<void> {
  const first = new StoryNode(client, storyNodes.first);
  const second = new StoryNode(client, storyNodes.second);
  domains.define(neighbour.name, neighbour.uuid);
  await domains.start(neighbour.uuid);
  // Each hears which store it speaks to, and then tells it all that it has in flight: that ends the
  // amnesia of a new store.
  for (const node of [first, second, first, second]) await node.sync([]);
  tell("Two management nodes, MN 1 and MN 2, watch this host. db-1 runs on it.");

  await first.claim();
  tell(
    "MN 1 wants to start web-7 here. First it claims it: an operation is in flight, do not judge.",
  );
  tell("MN 1 dies. Its start order is still on its way to libvirt.");

  const absent = await second.sync([]);
  demand(absent.libvirt?.[vm.uuid] === undefined, "web-7 is absent from libvirt");
  demand(skippedEntry(absent) !== undefined, "web-7 is skipped");
  tell("MN 2 takes over and asks what runs here. web-7 does not: libvirt has never heard of it.");
  tell(
    " Without the claim it would be missing from the report, and missing means Stopped: MN 2 would start it elsewhere, and soon two QEMUs would write to one disk.",
  );
  tell(` The report says instead: skipped web-7, ${claimWords(absent)}.`);

  const started = domains.start(vm.uuid, { name: vm.name });
  const alive = await until(second, "seen alive", (report) => skippedEntry(report)?.alive === true);
  tell(
    `The order arrives and QEMU comes up. The report: skipped web-7, alive, ${claimWords(alive)}.`,
  );
  await started;

  await client.continueClaim(vm.uuid, operationId, { owner: first.id });
  const running = await second.sync([]);
  demand(running.states[vm.uuid] === "Running", "web-7 is Running");
  tell("MN 2 sees it alive and continues the claim of the dead MN 1. The report: web-7 Running.");

  domains.shutdown(vm.uuid);
  const stopped = await second.sync([]);
  demand(stopped.states[vm.uuid] === "Stopped", "web-7 is Stopped");
  tell("Later its guest really shuts down. The very next report: web-7 Stopped.");
}

/** A management node as far as the story needs one: it knows its sequence and its list. */
class StoryNode {
  readonly id: string;
  readonly #client: VmsyncdClient;
  readonly #instance = randomUUID();
  #sequence = 0;
  #heard: { storeId: string; agentEpoch: number } | undefined;

  constructor(client: VmsyncdClient, id: string) {
    this.#client = client;
    this.id = id;
  }

  claim(): Promise<unknown> {
    return this.#client.claim(vm.uuid, operationId, {
      managementNode: this.#speaker(),
      reason: "start",
    });
  }

  async sync(skipList: []): Promise<Report> {
    const managementNode = { ...this.#speaker(), ...this.#heard };
    const expect = [vm.uuid];
    const report = await this.#client.sync({
      managementNode,
      skipList,
      expect,
      include: ["libvirt"],
    });
    const { storeId, epoch: agentEpoch } = report.agent;
    this.#heard = { storeId, agentEpoch };
    return report;
  }

  #speaker() {
    this.#sequence += 1;
    return { id: this.id, epoch: 1, instance: this.#instance, sequence: this.#sequence };
  }
}

function skippedEntry(report: Report): Report["skipped"][number] | undefined {
  return report.skipped.find(({ vmUuid }) => vmUuid === vm.uuid);
}

function claimWords(report: Report): string {
  const [claim] = skippedEntry(report)?.claims ?? [];
  return `because of the claim '${claim?.reason}' of ${claim?.managementNode}`;
}

async function until(
  node: StoryNode,
  what: string,
  holds: (report: Report) => boolean,
): Promise<Report> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    const report = await node.sync([]);
    if (holds(report)) return report;
  }
  throw new Error(`cannot go on with the story: web-7 is not ${what} after ${patienceMs} ms`);
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`cannot go on with the story: expected that ${what}`);
}
