import { afterEach, beforeEach, expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { playStory } from "../../src/demo/story.ts";
import { SimulatedHost } from "../daemon/simulated-host.ts";

let host: SimulatedHost;
beforeEach(async () => {
  host = await SimulatedHost.start();
});
afterEach(() => host[Symbol.asyncDispose]());

async function play(client: VmsyncdClient, tell: (line: string) => void): Promise<void> {
  const { domains } = host.simulator;
  await playStory({ client, domains, tell });
}

const lines = [
  /^Two management nodes, MN 1 and MN 2, watch this host\. db-1 runs on it\.$/,
  /^MN 1 wants to start web-7 here\. First it claims it/,
  /^MN 1 dies\. /,
  /^MN 2 takes over and asks what runs here\. web-7 does not/,
  /^ Without the claim .* missing means Stopped: MN 2 .* two QEMUs would write to one disk\.$/,
  /^ +The report says instead: skipped web-7, because of the claim 'start' of mn-1\.$/,
  /^The order arrives .*: skipped web-7, alive, because of the claim 'start' of mn-1\.$/,
  /^MN 2 sees it alive and continues .*: web-7 Running\.$/,
  /^Later its guest really shuts down\. The very next report: web-7 Stopped\.$/,
];

test("the story plays to its end, and tells every line in its order", async () => {
  await host.startDaemon();
  await using client = new VmsyncdClient({ socketPath: host.socketPath });
  await expect.poll(async () => (await client.status()).libvirt.up).toBe(true);
  const told: string[] = [];
  await play(client, (line) => void told.push(line));
  expect(told).toEqual(lines.map((line) => expect.stringMatching(line) as string));
  expect((await client.claims()).claims).toEqual([]);
});

/** An agent whose reports call every skipped VM stopped: the bug that this project is against. */
class LyingClient extends VmsyncdClient {
  override async sync(body: Parameters<VmsyncdClient["sync"]>[0]) {
    const report = await super.sync(body);
    const { skipped } = report;
    const states = skipped.map(({ vmUuid }) => [vmUuid, "Stopped"] as const);
    return { ...report, skipped: [], states: { ...report.states, ...Object.fromEntries(states) } };
  }
}

test("a line that would not be true ends the story", async () => {
  await host.startDaemon();
  await using client = new LyingClient({ socketPath: host.socketPath });
  const told: string[] = [];
  await expect(play(client, (line) => void told.push(line))).rejects.toThrow(
    "cannot go on with the story: expected that web-7 is skipped",
  );
  expect(told.at(-1)).toMatch(/^MN 1 dies/);
});
