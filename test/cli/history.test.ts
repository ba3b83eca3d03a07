import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { entryText, type HistoryEntry } from "../../src/cli/history-words.ts";
import { endCauses, orphanCauses } from "../../src/core/claim.ts";
import { amnesiaEndCauses, amnesiaReasons } from "../../src/core/amnesia.ts";
import { historyKinds } from "../../src/core/history.ts";
import { departureCauses } from "../../src/core/management-node.ts";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

describe("of an agent", () => {
  let agent: ServedAgent;
  beforeEach(async () => {
    agent = await ServedAgent.start();
  });
  afterEach(() => agent[Symbol.asyncDispose]());

  /** What it says without the times. */
  async function told(argv: readonly string[]): Promise<string[]> {
    const { exitCode, out, error } = await vmsyncctl(["history", ...argv]);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    return out.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}/, ""));
  }

  test("tells in sentences what happened to a VM, newest first", async () => {
    await agent.orphan(vm, "start-7");
    await agent.claim(otherVm, "start-8", "mn-2");
    await agent.client.continueClaim(vm, "start-7");
    expect(await told([vm.replaceAll("-", "")])).toEqual([
      `claim start-7 of mn-1 on ${vm} ended: continued by somebody without a name`,
      `claim start-7 of mn-1 on ${vm} became an orphan: mn-1 was said to be gone; it ends in 600 s at the latest`,
      `mn-1 claimed ${vm} for operation start-7 (start)`,
    ]);
  });

  test("tells of one management node, and of all", async () => {
    await agent.orphan(vm, "start-7");
    await agent.claim(otherVm, "start-8", "mn-2");
    expect(await told(["--node", "mn-2"])).toEqual([
      `mn-2 claimed ${otherVm} for operation start-8 (start)`,
      "mn-2 was heard for the first time with epoch 4, instance i",
    ]);
    const all = await told([]);
    expect(all).toContain("mn-1 departed: said by mn-2");
    expect(all.at(-1)).toBe("vmsyncd started: version 0, store store-1, agent epoch 1");
  });

  test("pages", async () => {
    for (const operation of ["a", "b", "c"]) await agent.claim(vm, operation);
    const first = await told([vm, "--limit", "2"]);
    const before = /^There are older entries: add --before (\d+)$/.exec(first[2] ?? "")?.[1] ?? "";
    expect(first[1]).toBe(`mn-1 claimed ${vm} for operation b (start)`);
    expect(await told([vm, "--limit", "2", "--before", before])).toEqual([
      `mn-1 claimed ${vm} for operation a (start)`,
    ]);
    expect(await told([vm, "--before", "0"])).toEqual([
      `The history says nothing of VM ${vm} before entry 0.`,
    ]);
  });

  test("says that it says nothing", async () => {
    expect(await told([otherVm, "--node", "mn-7"])).toEqual([
      `The history says nothing of VM ${otherVm} and mn-7.`,
    ]);
  });

  test.each([60, 100])("on %i columns wraps behind the time", async (columns) => {
    await agent.orphan(vm, "start-7");
    const { out } = await vmsyncctl(["history", vm], columns);
    for (const line of out) {
      expect(line.length).toBeLessThanOrEqual(columns);
      expect(line).toMatch(/^(\d{4}-\S+Z| {20}) {2}\S/);
    }
    expect(out.length).toBeGreaterThan(2);
  });

  test("--json prints the answer as it is", async () => {
    await agent.claim(vm, "start-7");
    const { out } = await vmsyncctl(["history", vm, "--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({
      entries: [{ kind: "claim-made", operationId: "start-7", detail: "start" }],
    });
  });
});

const full: Omit<HistoryEntry, "kind"> = {
  id: 1,
  at: "2030-01-01T00:00:00.000Z",
  vmUuid: vm,
  managementNode: "mn-1",
  operationId: "start-7",
  cause: "CAUSE",
  by: "mn-2",
  detail: "DETAIL",
};

test.each(historyKinds)("%s is a sentence, and nothing in it is missing", (kind) => {
  expect(entryText({ ...full, kind })).not.toMatch(/undefined|\?|somebody/);
  expect(entryText({ ...full, kind })).not.toContain(`${kind}:`);
});

describe("a continue of what is not there says whose it would have been", () => {
  test.each([
    ["mn-1", "start-7", "mn-2 continued operation start-7 of mn-1 on VM, of which there was no"],
    ["mn-2", "start-7", "mn-2 continued operation start-7 on VM without a claim of its own"],
    [undefined, "start-7", "mn-2 continued operation start-7 on VM, of which nobody had a claim"],
    ["mn-2", undefined, "mn-2 continued its own claims on VM, and had none"],
  ])("%s, %s", (managementNode, operationId, text) => {
    const { id, at, by } = full;
    const who = managementNode === undefined ? {} : { managementNode };
    const which = operationId === undefined ? {} : { operationId };
    const entry = { id, at, by, vmUuid: "VM", kind: "continued-nothing" as const };
    expect(entryText({ ...entry, ...who, ...which })).toMatch(new RegExp(`^${text}`));
  });
});

describe("every cause that the agent gives has words of its own", () => {
  test.each([
    ["claim-ended", endCauses],
    ["claim-orphaned", orphanCauses],
    ["node-departed", departureCauses],
    ["amnesia-began", amnesiaReasons],
    ["amnesia-ended", amnesiaEndCauses],
  ] as const)("%s", (kind, causes) => {
    const texts = causes.map((cause) => entryText({ ...full, kind, cause }));
    expect(new Set(texts).size).toBe(causes.length);
    for (const [at, text] of texts.entries()) {
      expect(text).not.toMatch(new RegExp(`[:;] ${causes[at]}($|;)`));
    }
  });
});

test("a kind that a newer agent knows is shown with all that it says", () => {
  const entry = { ...full, kind: "vm-adored" } as unknown as HistoryEntry;
  expect(entryText(entry)).toBe(
    `vm-adored: vmUuid ${vm}, managementNode mn-1, operationId start-7, cause CAUSE, by mn-2, detail DETAIL`,
  );
});
