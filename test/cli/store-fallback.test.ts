// Where vmsyncd does not run, its store answers: what it held, and what has passed since.

import { readFileSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { Ajv } from "ajv";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Orphanhood } from "../../src/core/claim.ts";
import type { StoreBatch } from "../../src/core/records.ts";
import { ClaimList } from "../../src/http/schema/claims.ts";
import { History } from "../../src/http/schema/history.ts";
import { NodeList } from "../../src/http/schema/management-nodes.ts";
import { httpAnswer, ScriptedAgent } from "../client/scripted-agent.ts";
import { run } from "../daemon/program.ts";
import { Folder } from "../daemon/simulated-host.ts";
import { StoreFolder } from "../store/folder.ts";
import { batch, claim, entry } from "../store/records.ts";
import { type Run, vmsyncctl } from "./recorded-terminal.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

let folder: StoreFolder;
beforeEach(() => {
  folder = new StoreFolder();
  vi.stubEnv("VMSYNCD_HTTP_SOCKET", `${folder.path}/none.sock`);
  vi.stubEnv("VMSYNCD_STORE_FOLDER", folder.path);
  vi.stubEnv("VMSYNCD_CONFIG", "/dev/null");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

const nowMs = (): number => uptime() * 1000;
const boot = (agoMs = 0) => {
  return { bootId, bootMs: nowMs() - agoMs, wallMs: Date.now() - agoMs };
};

/** Leaves a store behind as an agent that has stopped does. */
async function leave(...batches: readonly Partial<StoreBatch>[]): Promise<void> {
  const { store } = await folder.open();
  for (const one of batches) await store.write(batch({ checkpoint: boot(), ...one }));
  await folder.close();
}

const orphan = (of: Partial<Orphanhood>): Orphanhood => {
  const since = { ms: nowMs() - 60_000, wallMs: Date.now() - 60_000 };
  return { cause: "departed", since, ttlSeconds: 600, expiresAtMs: nowMs() + 540_000, ...of };
};
const put = <T>(...rows: readonly T[]) => ({ put: rows, remove: [] });
const madeAt = { ms: nowMs() - 120_000, wallMs: Date.now() - 120_000 };
const ours = { vmUuid: vm, managementNodeId: "mn-1", operationId: "start-7", madeAt };

/** A command that succeeds, with the one line on standard error that says where it is from. */
async function fromStore(argv: readonly string[], columns?: number): Promise<Run["out"]> {
  const { exitCode, out, error } = await vmsyncctl(argv, columns);
  expect({ exitCode, error: [error.join(" ")] }).toEqual({
    exitCode: 0,
    error: [
      expect.stringMatching(
        `^vmsyncd is not running: this is what its store in ${folder.path} held at \\d{4}-.*Z\\.$`,
      ),
    ],
  });
  return out;
}

async function jsonFrom(argv: readonly string[]): Promise<unknown> {
  return JSON.parse((await fromStore([...argv, "--json"])).join("\n"));
}

const ajv = new Ajv();

describe("the answers have the shape of the agent's", () => {
  beforeEach(async () => {
    const known = {
      id: "mn-1",
      epoch: 4,
      instance: "i",
      sequence: 9,
      leaseSeconds: 180,
      lastSeenAt: madeAt,
      leaseRemainingMs: 59_500,
      graceUsedMs: 0,
    };
    const gone = { cause: "lease-lapsed", at: madeAt } as const;
    await leave({
      nodes: put({ ...known }, { ...known, id: "mn-2", departed: gone, leaseRemainingMs: 0 }),
      claims: put(
        claim(1, ours),
        claim(2, { ...ours, managementNodeId: "mn-2", orphan: orphan({}) }),
      ),
      history: [entry(1, { vmUuid: vm, atWallMs: Date.now() }), entry(2, { atWallMs: Date.now() })],
    });
  });

  test.each([
    [["claims", "list"], ClaimList],
    [["claims", "show", vm], ClaimList],
    [["nodes", "list"], NodeList],
    [["history"], History],
    [["history", vm, "--limit", "1"], History],
  ])("%j", async (argv, schema) => {
    const answer = await jsonFrom(argv);
    ajv.validate(schema, answer);
    expect(ajv.errors).toBeNull();
  });

  test("claims with their age and what is left of them", async () => {
    const { claims } = (await jsonFrom(["claims", "list"])) as ClaimList;
    const of = (id: string) => claims.find(({ managementNode }) => managementNode === id);
    expect(of("mn-1")).toMatchObject({ state: "active", ageSeconds: expect.any(Number) });
    expect(of("mn-1")?.ageSeconds).toBeGreaterThanOrEqual(120);
    expect(of("mn-2")?.orphan).toMatchObject({ cause: "departed", ttlSeconds: 600 });
    expect(of("mn-2")?.orphan?.remainingSeconds).toBeLessThanOrEqual(540);
    expect(of("mn-2")?.orphan?.remainingSeconds).toBeGreaterThan(500);
    expect(claims).toHaveLength(2);
  });

  test("claims in full, without a command that would need the agent", async () => {
    const out = await fromStore(["claims", "show", vm]);
    expect(out).toContain("To end it   start vmsyncd first: it is what ends claims");
    expect(out.join("\n")).not.toContain("vmsyncctl");
  });

  test("management nodes, whose leases stand still, and those that are configured", async () => {
    vi.stubEnv("VMSYNCD_MANAGEMENT_NODES", "mn-1,mn-9");
    const { managementNodes } = (await jsonFrom(["nodes", "list"])) as NodeList;
    expect(managementNodes).toMatchObject([
      { id: "mn-1", configured: true, state: "alive", leaseRemainingSeconds: 60 },
      { id: "mn-9", configured: true, state: "never-heard", claims: { active: 0, orphaned: 0 } },
      { id: "mn-2", configured: false, state: "departed", claims: { active: 0, orphaned: 1 } },
    ]);
  });

  test("history of one VM, page by page", async () => {
    expect(await jsonFrom(["history", vm])).toMatchObject({ entries: [{ vmUuid: vm }] });
    const first = (await jsonFrom(["history", "--limit", "1"])) as History;
    expect(first).toMatchObject({ entries: [{ id: 2 }], next: 2 });
    const second = (await jsonFrom(["history", "--before", "2"])) as History;
    expect(second.entries).toMatchObject([{ id: 1 }]);
    expect(second).not.toHaveProperty("next");
  });

  test.each([60, 100])("and the tables fit %i columns", async (columns) => {
    for (const argv of [["claims", "list"], ["nodes", "list"], ["history"]]) {
      for (const line of await fromStore(argv, columns)) {
        expect([...line].length).toBeLessThanOrEqual(columns);
      }
    }
  });
});

describe("what has passed since the last write counts", () => {
  const idsAfter = async (): Promise<string[]> => {
    const { claims } = (await jsonFrom(["claims", "list"])) as ClaimList;
    return claims.map(({ operationId }) => operationId);
  };
  const over = orphan({ expiresAtMs: nowMs() - 1 });
  const lasting = orphan({ expiresAtMs: nowMs() + 300_000 });

  test("an orphan whose TTL is over by now has ended", async () => {
    await leave({
      claims: put(
        claim(1, { ...ours, operationId: "over", orphan: over }),
        claim(2, { ...ours, operationId: "lasting", orphan: lasting }),
      ),
    });
    expect(await idsAfter()).toEqual(["lasting"]);
  });

  test("across a reboot the wall clock tells how long, and a step back counts as none", async () => {
    const other = { bootId: "another", bootMs: 5_000_000 };
    const of = (wallMs: number) => ({
      checkpoint: { ...other, wallMs },
      claims: put(claim(1, { ...ours, orphan: orphan({ expiresAtMs: other.bootMs + 300_000 }) })),
    });
    await leave(of(Date.now() - 200_000));
    const { claims } = (await jsonFrom(["claims", "list"])) as ClaimList;
    expect(claims[0]?.orphan?.remainingSeconds).toBeLessThanOrEqual(100);
    expect(claims[0]?.orphan?.remainingSeconds).toBeGreaterThan(60);
    await leave(of(Date.now() - 301_000));
    expect(await idsAfter()).toEqual([]);
    await leave(of(Date.now() + 9_000_000));
    expect(((await jsonFrom(["claims", "list"])) as ClaimList).claims).toMatchObject([
      { orphan: { remainingSeconds: 300 } },
    ]);
  });

  test("a claim that is older than the configuration allows is stale", async () => {
    await leave({ claims: put(claim(1, ours)) });
    expect((await fromStore(["claims", "list"]))[1]).toMatch(/active, 2 min old$/);
    vi.stubEnv("VMSYNCD_CLAIMS_CLAIM_AGE_WARNING_SECONDS", "100");
    expect((await fromStore(["claims", "list"]))[1]).toMatch(/STALE, 2 min old$/);
  });
});

describe("the folder", () => {
  test("is the one of --folder, else of the environment, else of the file", async () => {
    await leave({ claims: put(claim(1, ours)) });
    expect(await fromStore(["claims", "list"])).toHaveLength(2);
    vi.stubEnv("VMSYNCD_STORE_FOLDER", "/nonexistent");
    expect(await fromStore(["claims", "list", "--folder", folder.path])).toHaveLength(2);
    vi.stubEnv("VMSYNCD_STORE_FOLDER", undefined);
    using file = writtenConfig(`store: { folder: "${folder.path}" }\n`);
    vi.stubEnv("VMSYNCD_CONFIG", file.path);
    expect(await fromStore(["claims", "list"])).toHaveLength(2);
  });

  test("that a broken file may name is not guessed: 78", async () => {
    await leave({ claims: put(claim(1, ours)) });
    vi.stubEnv("VMSYNCD_STORE_FOLDER", undefined);
    using file = writtenConfig("store: { foldr: /elsewhere }\n");
    vi.stubEnv("VMSYNCD_CONFIG", file.path);
    const { exitCode, out, error } = await vmsyncctl(["claims", "list"]);
    expect({ exitCode, out }).toEqual({ exitCode: 78, out: [] });
    expect(error).toEqual([expect.stringMatching(/^cannot read configuration: .*foldr/)]);
    await fromStore(["claims", "list", "--folder", folder.path]);
  });

  function writtenConfig(text: string): Disposable & { path: string } {
    const config = new Folder();
    return {
      path: config.write("config.yaml", text),
      [Symbol.dispose]: () => config[Symbol.dispose](),
    };
  }
});

describe("the store is not asked", () => {
  /** How it ends, in one sentence and nothing else. */
  async function refusal(argv: readonly string[]): Promise<{ exitCode: number; said: string }> {
    const { exitCode, out, error } = await vmsyncctl(argv);
    expect(out).toEqual([]);
    expect(error).toHaveLength(1);
    return { exitCode, said: error[0] ?? "" };
  }

  test("while an agent has it, wherever that listens: 69, with what to do", async () => {
    await folder.open();
    const { exitCode, said } = await refusal(["claims", "list"]);
    expect(exitCode).toBe(69);
    expect(said).toMatch(/the vmsyncd of the store in .* does run: say with --socket where/);
  });

  test("where something answers that hangs up or speaks another language", async () => {
    await leave({ claims: put(claim(1, ours)) });
    await using agent = await new ScriptedAgent(httpAnswer(200, "{}")).listen();
    const { exitCode, said } = await refusal(["claims", "list", "--socket", agent.socketPath]);
    expect({ exitCode, said }).toEqual({
      exitCode: 69,
      said: expect.stringMatching(/^cannot understand the answer/),
    });
  });

  test("for another host, which --url may lead to, unless its folder is named", async () => {
    await leave({ claims: put(claim(1, ours)) });
    const url = ["claims", "list", "--url", "http://127.0.0.1:1"];
    expect((await refusal(url)).exitCode).toBe(69);
    await fromStore([...url, "--folder", folder.path]);
  });

  test.each([["status"], ["report"], ["claims", "continue", vm], ["nodes", "depart", "mn-1"]])(
    "by %s %s",
    async (...argv) => {
      await leave({ claims: put(claim(1, ours)) });
      expect(await refusal(argv)).toEqual({
        exitCode: 69,
        said: expect.stringMatching(/^cannot reach vmsyncd at .*: there is no such socket/),
      });
    },
  );

  test("where there is none: 69, and it says so", async () => {
    const { exitCode, said } = await refusal(["history"]);
    expect(exitCode).toBe(69);
    expect(said).toMatch(/there is no such socket.* \(there is no store to read instead in /);
  });

  test("that is damaged: 1, with what is wrong", async () => {
    await leave({ claims: put(claim(1, ours)) });
    writeFileSync(folder.file, "this is no database, and it never was one".repeat(200));
    const { exitCode, said } = await refusal(["claims", "list"]);
    expect({ exitCode, said }).toEqual({
      exitCode: 1,
      said: expect.stringMatching(
        /^vmsyncd is not running, and cannot read the store .*store\.db: /,
      ),
    });
  });

  const isRoot = process.getuid?.() === 0;

  test.skipIf(!isRoot)("by who may not read it: 77", { timeout: 40_000 }, async () => {
    await leave({ claims: put(claim(1, ours)) });
    const args = ["claims", "list", "--folder", folder.path, "--socket", "/nonexistent.sock"];
    expect(await run("bin/vmsyncctl.mjs", args, { uid: 65_534 })).toMatchObject({
      code: 77,
      out: "",
      error: expect.stringMatching(
        /^vmsyncd is not running, and cannot read the store .*; run it as root or as the user of vmsyncd\n$/,
      ),
    });
  });
});
