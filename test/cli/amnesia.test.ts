import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { vmsyncctl } from "./recorded-terminal.ts";
import { ServedAgent } from "./served-agent.ts";

let agent: ServedAgent;
beforeEach(async () => {
  agent = await ServedAgent.start({ amnesiaReason: "new-store" });
});
afterEach(() => agent[Symbol.asyncDispose]());

const isOver = async (): Promise<boolean> => {
  return (await agent.client.status()).amnesia === undefined;
};

const lasting =
  /NOTHING IS CALLED STOPPED: claims may be unknown, because its store is new; ends in (9 min \d+ s|10 min), or when the whole list of mn-9 is here/;

describe("amnesia end", () => {
  test("says what it means, and ends it when that is confirmed", async () => {
    const { exitCode, out, error } = await vmsyncctl(["amnesia", "end"], undefined, "yes");
    expect(exitCode).toBe(0);
    expect(error).toEqual([
      expect.stringMatching(lasting),
      expect.stringMatching(/^To end it is to say that no operation is in flight whose claim was/),
      "Type yes to end amnesia: ",
    ]);
    expect(out).toEqual(["Amnesia is over: stops are reported again."]);
    expect(await isOver()).toBe(true);
  });

  test.each(["", "y", "no", "yes!"])("answered with %j changes nothing", async (answer) => {
    const { exitCode, out, error } = await vmsyncctl(["amnesia", "end"], undefined, answer);
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: [] });
    expect(error.at(-1)).toBe("cannot end amnesia: it was not confirmed, and nothing changed");
    expect(await isOver()).toBe(false);
  });

  test("without a terminal demands --yes, and does not ask then", async () => {
    const { exitCode, error } = await vmsyncctl(["amnesia", "end"]);
    expect({ exitCode, last: error.at(-1) }).toEqual({
      exitCode: 2,
      last: "cannot end amnesia: nobody is here to confirm it; add --yes",
    });
    expect(await isOver()).toBe(false);
    const run = await vmsyncctl(["amnesia", "end", "--yes", "--json"]);
    expect({ exitCode: run.exitCode, error: run.error }).toEqual({ exitCode: 0, error: [] });
    expect(JSON.parse(run.out.join("\n"))).toEqual({ ended: true, durable: true });
  });

  test("where there is none says so, and does not ask", async () => {
    await agent.client.endAmnesia();
    const { exitCode, out, error } = await vmsyncctl(["amnesia", "end"]);
    expect({ exitCode, out, error }).toEqual({
      exitCode: 0,
      out: ["There is no amnesia: nothing to end."],
      error: [],
    });
    const { out: json } = await vmsyncctl(["amnesia", "end", "--json"]);
    expect(JSON.parse(json.join("\n"))).toMatchObject({ ended: false });
  });
});

describe("while it lasts", () => {
  test("status and report say so, why and until when", async () => {
    const status = await vmsyncctl(["status"]);
    expect(status.out.find((line) => line.startsWith("Amnesia"))).toMatch(lasting);
    const report = await vmsyncctl(["report"]);
    expect(report.out.find((line) => line.startsWith("Amnesia: "))).toMatch(lasting);
    await agent.client.endAmnesia();
    const said = [...(await vmsyncctl(["status"])).out, ...(await vmsyncctl(["report"])).out];
    expect(said.filter((line) => line.startsWith("Amnesia"))).toEqual([]);
  });

  test("a report of a host without VMs does not say that there is none", async () => {
    const { out } = await vmsyncctl(["report"]);
    expect(out.at(-1)).toBe("No VM was seen, and it cannot be said that none is on this host.");
  });

  test("the report says it of a stop that is withheld for it", async () => {
    const uuid = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
    agent.api.observer.show({ uuid, name: "web-7", state: 5, reason: 1 });
    const { out } = await vmsyncctl(["report"]);
    expect(out.at(-1)).toMatch(
      /web-7 {2}Unknown {2}not called stopped: vmsyncd may not know of every claim \(amnesia\), for/,
    );
  });

  test.each([60, 100])("the sentences fit %i columns", async (columns) => {
    const runs = [await vmsyncctl(["amnesia", "end"], columns, "no")];
    runs.push(await vmsyncctl(["status"], columns), await vmsyncctl(["report"], columns));
    const lines = runs.flatMap(({ out, error }) => [...out, ...error]);
    for (const line of lines.filter((one) => !one.startsWith("cannot"))) {
      expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });
});

test("status says that the store cannot be written, since when and what follows", async () => {
  expect((await vmsyncctl(["status"])).out).toContain("Store        can be written");
  agent.api.store.failWith("full");
  await agent.client.endAmnesia();
  expect((await vmsyncctl(["status"])).out.find((line) => line.startsWith("Store"))).toMatch(
    /^Store {8}CANNOT BE WRITTEN for \d s: cannot write: made up \(full\) \(full\); claims are refused/,
  );
});

test("status counts the claims, and names the run", async () => {
  const vm = "7e6b7c2a-5d0f-4c1e-9a55-07c0ffee0007";
  await agent.claim(vm, "start-7");
  await agent.orphan(vm, "start-8", "mn-2");
  const { storeId } = (await agent.client.status()).agent;
  const { out } = await vmsyncctl(["status"]);
  expect(out).toContain(`Run          agent epoch 1 of store ${storeId}`);
  expect(out.find((line) => line.startsWith("Claims"))).toMatch(
    /^Claims {7}1 active, 1 orphaned; skip revision \d+$/,
  );
  const report = await vmsyncctl(["report"]);
  expect(report.out).toContain(`Agent epoch 1 of store ${storeId}`);
  expect(report.out.at(-1)).toMatch(
    /start by mn-1, \d s ago \(start-7\); start by mn-2, orphan, (?:9|10) min left, \d s ago \(start-8\)$/,
  );
});

test("status says that two processes speak under one id", async () => {
  const managementNode = { id: "mn-1", epoch: 1, instance: "one", sequence: 1 };
  await agent.client.heartbeat(managementNode);
  await agent.client.heartbeat({ ...managementNode, instance: "two" }).catch(() => {});
  expect((await vmsyncctl(["status"])).out.find((line) => line.startsWith("Conflicts"))).toMatch(
    /^Conflicts {4}1 statement refused since the start: two processes speak under the id/,
  );
});
