import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
const otherVm = "0d5c2b1a-1f2e-4b3c-8d4e-0123456789ab";

let agent: ServedAgent;
beforeEach(async () => {
  agent = await ServedAgent.start();
});
afterEach(() => agent[Symbol.asyncDispose]());

/** The lines of a command that succeeds and says nothing on standard error. */
async function linesOf(argv: readonly string[], columns?: number): Promise<readonly string[]> {
  const { exitCode, out, error } = await vmsyncctl(argv, columns);
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: [] });
  return out;
}

const operations = async (): Promise<string[]> => {
  return (await agent.client.claims()).claims.map(({ operationId }) => operationId).toSorted();
};

describe("claims list", () => {
  test("tells active, stale and orphaned claims apart, with what is left of an orphan", async () => {
    await agent.claim(vm, "start-7");
    await agent.orphan(otherVm, "migrate-1", "mn-2", { reason: "migrate" });
    const [headings, ...rows] = await linesOf(["claims", "list"]);
    expect(headings).toMatch(/^VM +MN +OPERATION +REASON +STATE$/);
    expect(rows.toSorted()).toEqual([
      expect.stringMatching(
        `^${otherVm}  mn-2  migrate-1  migrate  (9|10) min left, orphan, \\d s old$`,
      ),
      expect.stringMatching(`^${vm}  mn-1  start-7    start    active, \\d s old$`),
    ]);
    // Its management node goes on speaking, so that the claim grows old while it is active.
    for (let minutes = 0; minutes < 61; minutes += 1) {
      agent.api.clock.leap(60);
      await agent.claim(otherVm, "heartbeat");
    }
    expect(await linesOf(["claims", "list", "--vm", vm])).toEqual([
      expect.anything(),
      expect.stringMatching(/start-7 {4}start {3}STALE, 1 h old$/),
    ]);
  });

  test("shows those of one VM or one management node only, by a uuid in either form", async () => {
    await agent.claim(vm, "start-7");
    await agent.claim(otherVm, "start-8");
    await agent.claim(otherVm, "start-9", "mn-2");
    const named = async (...argv: string[]) => {
      const list = (await linesOf(["claims", "list", ...argv])).slice(1);
      return list.map((line) => /start-\d/.exec(line)?.[0]);
    };
    expect(await named("--vm", vm)).toEqual(["start-7"]);
    expect(await named("--vm", vm.replaceAll("-", "").toUpperCase())).toEqual(["start-7"]);
    expect(await named("--node", "mn-2")).toEqual(["start-9"]);
    expect(await named("--node", "mn-1", "--vm", otherVm)).toEqual(["start-8"]);
    const none = await linesOf(["claims", "list", "--node", "mn-3"]);
    expect(none).toEqual(["No claim of mn-3 lives."]);
    const judged = await linesOf(["claims", "list", "--vm", vm.replace("7", "8")]);
    expect(judged).toEqual([`No claim lives on ${vm.replace("7", "8")}: it is judged.`]);
  });

  test.each([40, 60, 80, 100])("fits %i columns, and cuts nothing", async (columns) => {
    const [id, operation] = [
      "36c27e8ff05c4780bf6d2fa65700f22e",
      "5f1d0c6e7b8a49d2a1b2c3d4e5f60718",
    ];
    await agent.orphan(vm, operation, id, { reason: "reboot vm ".repeat(20) });
    const lines = await linesOf(["claims", "list"], columns);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
    const text = lines.map((line) => line.trim()).join(" ");
    for (const whole of [vm, id, operation]) expect(text).toContain(whole);
    expect(text).toMatch(/STATE: (9|10) min left, orphan, \d s old$/);
  });
});

describe("claims show", () => {
  test("says of each claim what ends it, with the command that does", async () => {
    await agent.claim(vm, "start-7", "mn-1", { orphanTtlSeconds: 120 });
    await agent.orphan(vm, "check disk", "mn-2");
    const out = await linesOf(["claims", "show", vm]);
    expect(out[0]).toBe(`2 claims live on VM ${vm}: it is not judged.`);
    const text = out.join("\n");
    expect(text).toMatch(/^Operation {3}start-7 of mn-1 \(epoch 4, sequence 1\)$/m);
    expect(text).toMatch(
      /^Ends {8}when mn-1 continues it or sends a list without it; if mn-1 departs, it becomes an orphan and ends after 2 min$/m,
    );
    expect(text).toMatch(/^State {7}orphaned \d s ago for 10 min: mn-2 was said to be gone$/m);
    expect(text).toMatch(
      /^Ends {8}by itself in (9 min \d\d s|10 min), at \S+Z, unless mn-2 takes it/m,
    );
    expect(text).toContain(`To end it   vmsyncctl claims continue ${vm} 'check disk' --owner mn-2`);
  });

  test("repeats in its commands where the agent is, and takes any id", async () => {
    await agent.claim(vm, "-x", "-m");
    const socket = agent.folder.file("vmsyncd.sock");
    const out = await linesOf(["claims", "show", vm, "--socket", socket]);
    const command = out.at(-1)?.replace("To end it   vmsyncctl ", "") ?? "";
    expect(command).toBe(`claims continue ${vm} --operation=-x --owner=-m --socket ${socket}`);
    expect((await linesOf(command.split(" ")))[0]).toBe("Ended: claim -x of -m.");
  });

  test("of a VM without claims says that it is judged", async () => {
    expect(await linesOf(["claims", "show", vm])).toEqual([
      `No claim lives on VM ${vm}: it is judged.`,
    ]);
  });

  test("wraps its sentences on a narrow terminal, and leaves its commands whole", async () => {
    await agent.claim(vm, "start-7");
    const out = await linesOf(["claims", "show", vm], 60);
    const command = `To end it   vmsyncctl claims continue ${vm} start-7 --owner mn-1`;
    expect(out).toContain(command);
    const sentences = out.filter((line) => line !== command);
    expect(Math.max(...sentences.map(({ length }) => length))).toBeLessThanOrEqual(60);
  });
});

describe("claims add", () => {
  test("makes an orphan of the operator, and says its operation and when it ends", async () => {
    const out = await linesOf(["claims", "add", vm, "--reason", "disk check", "--ttl", "90"]);
    const { claims } = await agent.client.claims();
    expect(claims).toMatchObject([
      { managementNode: "operator", reason: "disk check", orphan: { ttlSeconds: 90 } },
    ]);
    const operation = claims[0]?.operationId ?? "";
    expect(operation).toMatch(/^operator-[0-9a-f]{8}$/);
    expect(out).toEqual([
      expect.stringMatching(`^VM ${vm} is not judged until \\d{4}-.*Z, for 1 min (29|30) s\\.$`),
      `Operation  ${operation}`,
      `To end it  vmsyncctl claims continue ${vm} ${operation} --owner operator`,
    ]);
  });

  test("takes the operation's id as it was typed, a number too", async () => {
    await linesOf(["claims", "add", vm, "--reason", "r", "--operation", "007"]);
    await linesOf(["claims", "add", vm, "--reason", "r", "--operation", "1e3"]);
    expect(await operations()).toEqual(["007", "1e3"]);
    await linesOf(["claims", "continue", vm, "007"]);
    expect(await operations()).toEqual(["1e3"]);
  });

  test("that the disk refuses ends with 1", async () => {
    agent.api.store.failWith("full");
    const { exitCode, out, error } = await vmsyncctl(["claims", "add", vm, "--reason", "r"]);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: [] });
    expect(error).toEqual([expect.stringMatching(/^cannot store the claim of operation/)]);
    expect(error[0]).toMatch(/do not act on it$/);
  });
});

describe("claims continue", () => {
  test("ends the claim of an operation and says what is left", async () => {
    await agent.claim(vm, "start-7");
    expect(await linesOf(["claims", "continue", vm, "start-7"])).toEqual([
      "Ended: claim start-7 of mn-1.",
      `No claim lives on VM ${vm} now: it is judged.`,
    ]);
    const { entries } = await agent.client.history({ vmUuid: vm });
    expect(entries.find(({ kind }) => kind === "claim-ended")?.by).toBe("operator");
  });

  test("says of a claim of another operation that it stays", async () => {
    await agent.claim(vm, "start-7");
    await agent.claim(vm, "migrate-1", "mn-2");
    expect(await linesOf(["claims", "continue", vm, "start-7"])).toEqual([
      "Ended: claim start-7 of mn-1.",
      "The active claim migrate-1 of mn-2 stays: it is another operation. To end it:",
      `  vmsyncctl claims continue ${vm} migrate-1 --owner mn-2`,
      `1 claim lives on VM ${vm} now: it is not judged.`,
    ]);
  });

  test("ends nothing where two management nodes may be meant, until one is named", async () => {
    await agent.claim(vm, "start-7");
    await agent.claim(vm, "start-7", "mn-2");
    const out = await linesOf(["claims", "continue", vm, "start-7"]);
    expect(out[0]).toBe(`Nothing ended: no claim of operation start-7 was found on ${vm}.`);
    expect(out[2]).toMatch(/^The active claim start-7 of mn-1 stays: it was not clear/);
    await linesOf(["claims", "continue", vm, "start-7", "--owner", "mn-2"]);
    expect((await agent.client.claims()).claims).toMatchObject([{ managementNode: "mn-1" }]);
  });

  test("of a VM leaves active claims, and orphans unless told otherwise", async () => {
    await agent.claim(vm, "start-7");
    await agent.orphan(vm, "migrate-1", "mn-2");
    await agent.client.claimAsOperator(vm, "by-hand", { reason: "" });
    const first = await linesOf(["claims", "continue", vm]);
    expect(first.filter((line) => !line.startsWith("  "))).toEqual([
      "Ended: claim by-hand of the operator.",
      "The active claim start-7 of mn-1 stays: mn-1 is alive, and its operation has to be named. To end it:",
      expect.stringMatching(
        /^The orphaned claim migrate-1 of mn-2 stays: it ends by itself in \d+ min.*; --orphans ends/,
      ),
      `2 claims live on VM ${vm} now: it is not judged.`,
    ]);
    const second = await linesOf(["claims", "continue", vm, "--orphans"]);
    expect(second[0]).toBe("Ended: claim migrate-1 of mn-2.");
    expect(await operations()).toEqual(["start-7"]);
  });

  test("of what is not there says so, and ends with 0", async () => {
    expect(await linesOf(["claims", "continue", vm, "gone", "--owner", "mn-1"])).toEqual([
      `Nothing ended: no claim of operation gone of mn-1 was found on ${vm}.`,
      "A claim of operation gone on this VM that comes late from mn-1 will be refused; a new operation needs a new id.",
      `No claim lives on VM ${vm} now: it is judged.`,
    ]);
    expect((await linesOf(["claims", "continue", vm]))[0]).toBe("Nothing ended.");
    await expect(agent.claim(vm, "gone")).rejects.toMatchObject({ code: "operation-continued" });
  });

  test("of what is not there and names nobody bars the operation for everybody", async () => {
    const out = await linesOf(["claims", "continue", vm, "gone"]);
    expect(out[1]).toBe(
      "A claim of operation gone on this VM that comes late, whoever makes it, will be refused; a new operation needs a new id.",
    );
    const add = ["claims", "add", vm, "--reason", "r", "--operation", "gone"];
    expect(await vmsyncctl(add)).toMatchObject({ exitCode: 1, out: [] });
    await expect(agent.claim(vm, "gone")).rejects.toMatchObject({ code: "operation-continued" });
  });

  test("of another's operation says whose it is", async () => {
    await agent.claim(vm, "start-7");
    const out = await linesOf(["claims", "continue", vm, "start-7", "--owner", "mn-2"]);
    expect(out.slice(2, 4)).toEqual([
      "The active claim start-7 of mn-1 stays: it belongs to mn-1, not to mn-2. To end it:",
      `  vmsyncctl claims continue ${vm} start-7 --owner mn-1`,
    ]);
  });

  test("takes effect on a full disk, and warns that a restart undoes it", async () => {
    await agent.claim(vm, "start-7");
    agent.api.store.failWith("full");
    const { exitCode, out, error } = await vmsyncctl(["claims", "continue", vm, "start-7"]);
    expect({ exitCode, ended: out[0] }).toEqual({
      exitCode: 0,
      ended: "Ended: claim start-7 of mn-1.",
    });
    expect(error).toEqual([expect.stringMatching(/^The disk did not take this: it holds while/)]);
  });
});

test("--json prints the answers as they are", async () => {
  const json = async (...argv: string[]): Promise<unknown> =>
    JSON.parse((await linesOf([...argv, "--json"])).join("\n"));
  expect(await json("claims", "add", vm, "--reason", "r", "--operation", "op")).toMatchObject({
    claim: { operationId: "op", managementNode: "operator" },
    agent: { epoch: 1 },
  });
  expect(await json("claims", "show", vm)).toMatchObject({ claims: [{ operationId: "op" }] });
  expect(await json("claims", "continue", vm, "op")).toMatchObject({
    ended: [{ operationId: "op" }],
    durable: true,
  });
});
