// Hosts and management nodes are not upgraded together: an agent that says more is understood.

import { expect, test } from "vitest";
import { VmsyncdClient } from "../../src/client/client.ts";
import { ApiError } from "../../src/client/errors.ts";
import { httpAnswer, ScriptedAgent } from "./scripted-agent.ts";

const vm = "00000000-0000-4000-8000-000000000001";
const at = "2026-01-01T00:00:00Z";
const report = {
  reportId: "r",
  host: { id: "h", bootId: "b", rack: "of tomorrow" },
  agent: { version: "9", storeId: "s", epoch: 1, build: "of tomorrow" },
  observation: {
    startedAt: at,
    finishedAt: at,
    complete: false,
    problems: [{ code: "new", detail: "d" }],
  },
  skipRevision: 1,
  contentRevision: 1,
  absentMeans: "unknown",
  states: { [vm]: "Hibernated" },
  skipped: [],
  withheld: [{ vmUuid: vm, reasons: ["a-new-reason"], since: at }],
  stops: {},
};

test("fields and words that are not known do not spoil an answer", async () => {
  await using agent = await new ScriptedAgent(httpAnswer(200, JSON.stringify(report))).listen();
  await using client = new VmsyncdClient({ socketPath: agent.socketPath });
  expect(await client.report()).toEqual(report);
});

test("a refusal for a reason that is not known is still a refusal, with its sentence", async () => {
  const type = "urn:vmsyncd:problem:amnesia";
  const problem = { type, title: "t", status: 409, detail: "cannot tell: amnesia", more: 1 };
  await using agent = await new ScriptedAgent(httpAnswer(409, JSON.stringify(problem))).listen();
  await using client = new VmsyncdClient({ socketPath: agent.socketPath });
  const error: unknown = await client.claims().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "amnesia", message: "cannot tell: amnesia" });
});
