import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { explainSentences } from "../../src/http/explain-sentences.ts";
import { libvirtWords } from "../../src/http/libvirt-words.ts";
import type { Explanation } from "../../src/http/schema/explain.ts";
import type { Report } from "../../src/http/schema/report.ts";
import { withholdingReasons } from "../../src/core/vm-state.ts";
import { Api, node, vm } from "./api.ts";

let api: Api;
beforeEach(async () => {
  api = await Api.start();
});
afterEach(() => api[Symbol.asyncDispose]());

const explain = (): Promise<Explanation> => api.ok("GET", `/v1/explain/${vm.toUpperCase()}`);
const off = { uuid: vm, name: "web-7", state: 5, reason: 2 };

test("tells of a stopped VM what libvirt says, and that nothing lives", async () => {
  api.observer.show(off);
  expect(await explain()).toMatchObject({
    vmUuid: vm,
    said: "Stopped",
    libvirt: { listed: "yes", name: "web-7", words: "shut off (destroyed)" },
    process: "none",
    claims: [],
    stop: { cause: "destroyed", acknowledged: false },
  });
});

test("tells of a skipped VM which claims live on it, and what was said before", async () => {
  await api.sync({ managementNode: node(1), expect: [vm] });
  await api.claim("start-7", 2);
  const explanation = await explain();
  expect(explanation).toMatchObject({ said: "skipped", claims: [{ operationId: "start-7" }] });
  expect(explanation.lastReports).toMatchObject([{ said: "Stopped" }]);
  expect(explanation.history.map(({ kind }) => kind)).toEqual(["claim-made", "stop-said"]);
  expect(explanation.sentences.join(" ")).toMatch(/skips it .* a claim on it lives/);
});

test("says why a stop is withheld, for how long, and what to do", async () => {
  api.observer.show(off);
  api.observer.keepAlive(vm);
  const { withheld, sentences, process } = await explain();
  expect({ withheld, process }).toEqual({ withheld: ["qemu-process-alive"], process: "alive" });
  expect(sentences.join(" ")).toMatch(/lasts as long as the process does.*Do not start/);
});

describe("sentences", () => {
  test.each(withholdingReasons)("are there for %s", (reason) => {
    const sentences = explainSentences({
      vmUuid: vm,
      said: `withheld: ${reason}`,
      withheld: [reason],
      observation: { startedAt: "", finishedAt: "", complete: true, problems: [] },
      libvirt: { listed: "no" },
      process: "none",
      claims: [],
    });
    expect(sentences[1]).toMatch(/^.{60,}\.$/);
  });
});

test("libvirt's numbers are its words, and unknown ones are shown", () => {
  expect(libvirtWords(3, 11)).toBe("paused (starting up)");
  expect(libvirtWords(5, 0)).toBe("shut off");
  expect(libvirtWords(99, 3)).toBe("state 99");
});

describe("the stops of a report", () => {
  const sync = (sequence: number, more: object = {}): Promise<Report> => {
    return api.sync({ managementNode: node(sequence), ...more });
  };

  test("are told until the report is acknowledged", async () => {
    api.observer.show(off);
    const { reportId, stops } = await sync(1);
    expect(stops).toEqual({ [vm]: { cause: "destroyed", at: expect.any(String) } });
    expect((await sync(2, { acknowledges: "unknown" })).stops).toEqual(stops);
    const after = await sync(3, { acknowledges: reportId });
    expect(after).toMatchObject({ stops: {}, states: { [vm]: "Stopped" } });
  });

  test.each([7, "", "x".repeat(65)])("are not acknowledged by %o: 400", async (acknowledges) => {
    const payload = { managementNode: node(1), acknowledges };
    const { status, body } = await api.send({ method: "POST", url: "/v1/sync", payload });
    expect({ status, body }).toMatchObject({ status: 400, body: { detail: /acknowledges/ } });
  });
});
