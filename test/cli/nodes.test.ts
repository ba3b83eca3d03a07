import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";

let agent: ServedAgent;
beforeEach(async () => {
  agent = await ServedAgent.start();
});
afterEach(() => agent[Symbol.asyncDispose]());

describe("nodes list", () => {
  test("shows who is alive, who is gone and who was never heard", async () => {
    await agent.claim(vm, "start-7");
    await agent.orphan(vm, "start-8", "mn-2");
    const { exitCode, out, error } = await vmsyncctl(["nodes", "list"]);
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
    expect(out).toEqual([
      "MANAGEMENT NODE  EPOCH  STATE              CLAIMS  ORPHANS  SILENT  CONFIGURED",
      "mn-9                    never heard        0       0                yes",
      expect.stringMatching(/^mn-1 {13}4 {6}alive, [23] min left +1 {7}0 {8}\d s {5}no$/),
      expect.stringMatching(/^mn-2 {13}4 {6}departed \d s ago +0 {7}1 {8}\d s {5}no$/),
    ]);
    // Silence counts only while the agent listens: not over one long gap.
    for (let seconds = 0; seconds <= 184; seconds += 4) {
      agent.api.clock.leap(4);
      agent.api.agent.tick();
    }
    expect((await vmsyncctl(["nodes", "list"])).out[2]).toMatch(/^mn-1 .* lease over 0 s ago/);
  });

  test.each([40, 60, 80])("fits %i columns", async (columns) => {
    await agent.orphan(vm, "start-8", "n".repeat(38));
    for (const line of (await vmsyncctl(["nodes", "list"], columns)).out) {
      expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });

  test("--json prints the answer as it is", async () => {
    const { out } = await vmsyncctl(["nodes", "list", "--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({
      managementNodes: [{ id: "mn-9", state: "never-heard" }],
    });
  });
});

describe("nodes depart", () => {
  test("asks for the epoch that is in force, and says which it departs", async () => {
    await agent.claim(vm, "start-7");
    const { exitCode, out, error } = await vmsyncctl(["nodes", "depart", "mn-1"]);
    expect({ exitCode, out, error }).toEqual({
      exitCode: 0,
      out: [
        "mn-1, epoch 4, departed: 1 claim of it is an orphan now, until continued or until the TTL is over.",
        "If it lives after all, its next request with epoch 4 takes it back; of a newer epoch only a statement that names it does.",
      ],
      error: ["The epoch of mn-1 that is in force is 4."],
    });
    expect((await agent.client.claims()).claims).toMatchObject([{ orphan: { cause: "departed" } }]);
    expect((await agent.client.history()).entries[0]).toMatchObject({ by: "operator" });
  });

  test("of an older epoch changes nothing, and says how to do what was meant", async () => {
    await agent.claim(vm, "start-7");
    const { exitCode, out } = await vmsyncctl(["nodes", "depart", "mn-1", "--epoch", "3"]);
    expect({ exitCode, out }).toEqual({
      exitCode: 0,
      out: [
        "Nothing changed: mn-1 speaks with epoch 4, and epoch 3 is gone already; to depart the one that speaks, say --epoch 4.",
      ],
    });
    expect((await agent.client.claims()).claims).toMatchObject([{ state: "active" }]);
  });

  test("of a newer epoch says which was in force, and departs that", async () => {
    await agent.claim(vm, "start-7");
    await agent.claim(vm, "start-8");
    const { exitCode, out, error } = await vmsyncctl(["nodes", "depart", "mn-1", "--epoch", "7"]);
    expect({ exitCode, out, error }).toEqual({
      exitCode: 0,
      out: [
        "mn-1, epoch 7, departed (epoch 4 was the last one heard here, and what it claimed is meant): 2 claims of it are orphans now, until continued or until the TTL is over.",
        "If it lives after all, its next request with epoch 4 takes them back; of a newer epoch only a statement that names them does.",
      ],
      error: [],
    });
    const newer = { id: "mn-1", epoch: 7, instance: "j", sequence: 1 };
    await agent.client.heartbeat(newer);
    expect((await agent.client.claims()).claims.map(({ state }) => state)).toEqual([
      "orphaned",
      "orphaned",
    ]);
    const managementNode = { ...newer, sequence: 2 };
    await agent.client.claim(vm, "start-7", { managementNode, reason: "start" });
    const { claims } = await agent.client.claims();
    expect(claims.find(({ state }) => state === "active")?.operationId).toBe("start-7");
  });

  test("of one without claims promises no return of any", async () => {
    await agent.claim(vm, "start-7");
    await vmsyncctl(["claims", "continue", vm, "start-7"]);
    const { out } = await vmsyncctl(["nodes", "depart", "mn-1", "--epoch", "4"]);
    expect(out).toEqual(["mn-1, epoch 4, departed: it had no active claim."]);
  });

  test("of one that is gone already says so", async () => {
    await agent.orphan(vm, "start-7");
    const { exitCode, out } = await vmsyncctl(["nodes", "depart", "mn-1"]);
    expect(exitCode).toBe(0);
    expect(out).toEqual([
      expect.stringMatching(/^Nothing changed: mn-1 is not alive \(departed \d s ago\)\.$/),
    ]);
  });

  test.each([
    ["mn-9", /^cannot depart mn-9: it never spoke here, so it has no claims either$/],
    ["nobody", /^cannot find management node nobody: it is neither configured nor was it heard$/],
  ])("of %s, who never spoke, ends with 1", async (id, sentence) => {
    const { exitCode, out, error } = await vmsyncctl(["nodes", "depart", id]);
    expect({ exitCode, out, error }).toEqual({
      exitCode: 1,
      out: [],
      error: [expect.stringMatching(sentence)],
    });
  });

  test("--json leaves standard output to the answer", async () => {
    await agent.claim(vm, "start-7");
    const { out } = await vmsyncctl(["nodes", "depart", "mn-1", "--json"]);
    expect(JSON.parse(out.join("\n"))).toMatchObject({ departed: true, orphaned: 1 });
  });
});
