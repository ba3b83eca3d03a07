import { describe, expect, test } from "vitest";
import { type Content, isSameContent } from "../../src/core/content.ts";
import type { Claim, EndedClaim } from "../../src/core/claim.ts";
import { at, vm } from "./sightings.ts";

const [u, v] = [vm(1), vm(2)];
const claim: Claim = {
  vmUuid: u,
  managementNodeId: "mn-1",
  operationId: "start",
  reason: "why",
  epoch: 1,
  sequence: 1,
  madeAt: at(1),
};
const orphan = { cause: "departed", since: at(2), ttlSeconds: 9, expiresAtMs: 9_000 } as const;
const ended: EndedClaim = { ...claim, endedAt: at(3), cause: "continued" };
const stop = { vmUuid: v, cause: "shutdown", at: at(5), isAcknowledged: false, said: [] } as const;

type Filtered = Content["filtered"];
const content = (of: Partial<Filtered> = {}, amnesia?: Content["amnesia"]): Content => ({
  filtered: { absentMeans: "stopped", states: {}, skipped: [], withheld: [], stops: [], ...of },
  amnesia,
});
const skipping = (one: Claim, alive = false) =>
  content({ skipped: [{ vmUuid: u, alive, claims: [one] }] });
const withholding = (reasons: Filtered["withheld"][number]["reasons"], since = at(1)) =>
  content({ withheld: [{ vmUuid: u, reasons, since }] });

const different: readonly (readonly [string, Content, Content])[] = [
  ["a state", content({ states: { [u]: "Running" } }), content({ states: { [u]: "Stopped" } })],
  ["a VM", content({ states: { [u]: "Running" } }), content()],
  ["which VM", content({ states: { [u]: "Running" } }), content({ states: { [v]: "Running" } })],
  ["what absence means", content(), content({ absentMeans: "unknown" })],
  ["a skipped VM", content(), skipping(claim)],
  ["that a skipped one is alive", skipping(claim), skipping(claim, true)],
  ["whose claim", skipping(claim), skipping({ ...claim, managementNodeId: "mn-2" })],
  ["which operation", skipping(claim), skipping({ ...claim, operationId: "stop" })],
  ["a claim's reason", skipping(claim), skipping({ ...claim, reason: "because" })],
  ["that it is an orphan", skipping(claim), skipping({ ...claim, orphan })],
  ["that it ended", skipping(claim), skipping(ended)],
  ["a withheld VM", content(), withholding(["no-process"])],
  ["why it is withheld", withholding(["no-process"]), withholding(["amnesia"])],
  ["a stop", content(), content({ stops: [stop] })],
  ["its cause", content({ stops: [stop] }), content({ stops: [{ ...stop, cause: "destroyed" }] })],
  ["which stop", content({ stops: [stop] }), content({ stops: [{ ...stop, at: at(6) }] })],
  ["amnesia", content(), content({}, { reason: "new-store", waitingFor: [] })],
  [
    "for whom amnesia waits",
    content({}, { reason: "new-store", waitingFor: ["mn-1"] }),
    content({}, { reason: "new-store", waitingFor: [] }),
  ],
];

describe("content is another if", () => {
  test.each(different)("%s is", (_what, one, other) => {
    expect(isSameContent(one, other)).toBe(false);
    expect(isSameContent(other, one)).toBe(false);
    expect(isSameContent(one, structuredClone(one))).toBe(true);
  });
});

describe("content is the same whatever", () => {
  test.each<[string, Content, Content]>([
    [
      "the order of VMs",
      content({ states: { [u]: "Running", [v]: "Paused" } }),
      content({ states: { [v]: "Paused", [u]: "Running" } }),
    ],
    ["since when it is withheld", withholding(["no-process"]), withholding(["no-process"], at(9))],
    ["when a claim was said", skipping(claim), skipping({ ...claim, sequence: 7, madeAt: at(7) })],
    [
      "when an orphan ends",
      skipping({ ...claim, orphan }),
      skipping({ ...claim, orphan: { ...orphan, expiresAtMs: 1 } }),
    ],
    [
      "what was said of a stop",
      content({ stops: [stop] }),
      content({ stops: [{ ...stop, said: ["Stopped"] }] }),
    ],
  ])("%s is", (_what, one, other) => {
    expect(isSameContent(one, other)).toBe(true);
  });
});
