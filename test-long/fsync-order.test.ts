// G2 from end to end: a claim's 2xx goes to the socket after the flush of its record, seen from the
// system calls of the whole process.

import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { SimulatedHost } from "../test/daemon/simulated-host.ts";
import { AgentProcess } from "./host/agent-process.ts";
import { answerOrders, callEvents } from "./trace/system-calls.ts";
import { traced } from "./trace/traced.ts";

const lanes = 16;
const claimsPerLane = 20;

test("every claim's 2xx is written after a flush that began after its record was", async () => {
  await using host = await SimulatedHost.start();
  const output = host.folder.file("trace");
  const ids: string[] = [];
  {
    await using agent = await AgentProcess.serving(host, { way: traced(output) });
    let sequence = 0;
    const lane = async (name: string): Promise<void> => {
      for (let count = 0; count < claimsPerLane; count += 1) {
        const operationId = `op-${name}-${count}-end`;
        sequence += 1;
        const managementNode = { id: "mn-1", epoch: 1, instance: "i", sequence };
        await agent.client.claim(randomUUID(), operationId, { managementNode, reason: "start" });
        ids.push(operationId);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(`lane-${number}`)));
    agent.program.child.kill("SIGTERM");
    await agent.program.ended;
  }
  const events = callEvents(readFileSync(output, "latin1"));
  const orders = answerOrders(events, ids);
  expect(orders.length).toBe(lanes * claimsPerLane);
  expect(orders.filter(({ mistake }) => mistake !== undefined)).toEqual([]);
  const flushes = events.filter(
    ({ kind, name }) => kind === "begins" && /^f(data)?sync/.test(name),
  );
  // Had each a flush of its own, nothing would be shown of claims that share one.
  expect(flushes.length).toBeLessThan(ids.length);
  process.stdout.write(`fsync order: ${ids.length} claims, ${flushes.length} flushes\n`);
});

const record = String.raw`7 pwrite64(20</s/store.db-wal>, "\0\3op-1-end", 4096, 24) = 4096`;
const flush = "7 fdatasync(20</s/store.db-wal>) = 0";
const flushBegins = "7 fdatasync(20</s/store.db-wal> <unfinished ...>";
const flushReturns = "7 <... fdatasync resumed>) = 0";
const otherFlush = "7 fdatasync(19</s/store.db>) = 0";
const answer = `5 writev(30<socket:[9]>, [{iov_base="HTTP/1.1 200 OK op-1-end", iov_len=9}], 1) = 9`;
const refusal = answer.replace("200 OK", "507 no");

test.each<[string, string[], string]>([
  ["record, flush, answer", [record, flush, answer], "none"],
  ["a flush that returns in a later line", [record, flushBegins, flushReturns, answer], "none"],
  ["no flush", [record, answer], "no flush"],
  ["a flush before the record", [flush, record, answer], "no flush"],
  ["a flush that began before the record", [flushBegins, record, flushReturns, answer], "no flush"],
  [
    "a flush that returns after the answer",
    [record, flushBegins, answer, flushReturns],
    "no flush",
  ],
  ["a flush of another file", [record, otherFlush, answer], "no flush"],
  ["a flush that failed", [record, flush.replace("= 0", "= -1 EIO"), answer], "no flush"],
  ["an answer before the record", [answer, record, flush], "after its answer"],
  ["no record", [flush, answer], "not in the log"],
  ["another answer than 2xx", [record, flush, refusal], "not in the trace"],
])("the check judges %s", (_, lines, mistake) => {
  const [order] = answerOrders(callEvents(lines.join("\n")), ["op-1-end"]);
  expect(order?.mistake ?? "none").toContain(mistake);
});
