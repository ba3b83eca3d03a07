// Late and reordered messages are harmless (G6): a claim is refused only if it is tombstoned, or at
// or below a floor, or below a list which did not name it.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { vm } from "./sightings.ts";
import { fateOf, Stage } from "./stage.ts";
import { node, outcome, statement } from "./statements.ts";

const [u, v] = [vm(1), vm(2)];

describe("a claim that does not live", () => {
  test.each([
    ["below the sequence of a list which did not name it is refused", 4, "stale-claim"],
    ["of the same sequence as the list is not", 5, "accepted"],
    ["above it is not", 6, "accepted"],
  ])("%s", (_, sequence, fate) => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(v));
    expect(fateOf(stage, node("mn-1", sequence), u)).toBe(fate);
  });

  test("and that a list ended is refused below it, and accepted above it", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 3), statement(u));
    stage.list(node("mn-1", 5));
    expect(fateOf(stage, node("mn-1", 3), u), "the same claim, repeated").toBe("stale-claim");
    stage.claim(node("mn-1", 6), statement(u));
    expect(stage.live).toEqual(["mn-1 start 1"]);
  });

  test("is not measured by the list of an earlier epoch, or of another node", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 50));
    expect(fateOf(stage, node("mn-1", 1, 2), u)).toBe("accepted");
    expect(fateOf(stage, node("mn-2", 1), u)).toBe("accepted");
  });

  test("is not measured by claims and heartbeats: those may come in any order", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 50), statement(v));
    stage.contact(node("mn-1", 60));
    expect(fateOf(stage, node("mn-1", 2), u)).toBe("accepted");
  });

  test("is refused below a list that is empty, too: it named nothing", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5));
    expect(fateOf(stage, node("mn-1", 4), u)).toBe("stale-claim");
  });

  test("that is refused says what to do", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5));
    const decision = stage.tryClaim(node("mn-1", 4), statement(u));
    expect(decision).toHaveProperty("detail", expect.stringContaining("with a higher sequence"));
  });
});

describe("a claim that lives already", () => {
  test("is accepted below a list that named it", () => {
    const stage = new Stage();
    stage.list(node("mn-1", 5), statement(u));
    expect(fateOf(stage, node("mn-1", 4), u)).toBe("accepted");
  });

  test("is accepted below its node's floor", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 2), statement(u));
    const floor = { epoch: 1, sequence: 9 };
    stage.skipList.apply([{ kind: "node", node: { ...stage.known("mn-1"), floor } }]);
    expect(fateOf(stage, node("mn-1", 3), u)).toBe("accepted");
    expect(fateOf(stage, node("mn-1", 3), v)).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 9), v)).toBe("stale-claim");
    expect(fateOf(stage, node("mn-1", 10), v)).toBe("accepted");
    expect(fateOf(stage, node("mn-1", 1, 2), v)).toBe("accepted");
  });

  test("is accepted below the floor of its VM", () => {
    const stage = new Stage();
    stage.claim(node("mn-1", 8), statement(u));
    stage.continueVm(u, { id: "mn-1", epoch: 1, sequence: 6 });
    expect(fateOf(stage, node("mn-1", 5), u)).toBe("accepted");
  });
});

describe("statements that were made before a departure and arrive after it", () => {
  test("bring their node back for a lease, and its claims end by their TTL all the same", () => {
    const stage = new Stage();
    stage.contact(node("mn-1", 1));
    stage.depart("mn-1");
    stage.claim(node("mn-1", 2), statement(u)); // the ghost: nobody will ever end it
    expect(stage.orphans).toEqual([]);
    stage.listen(180);
    expect(stage.orphans).toEqual(["mn-1 start 1"]);
    stage.listen(600);
    expect(stage.live).toEqual([]);
  });
});

type Message =
  | { readonly kind: "claim" | "continue"; readonly sequence: number; readonly op: string }
  | { readonly kind: "list"; readonly sequence: number; readonly ops: readonly string[] };

/** What a node says of its operations, in order; each operation is begun once and ended once. */
const anyScript = fc
  .array(
    fc.oneof(
      fc.constant("begin" as const),
      fc.record({ end: fc.nat() }),
      fc.constant("list" as const),
    ),
    { minLength: 3, maxLength: 14 },
  )
  .map((steps) => {
    const messages: Message[] = [];
    const open: string[] = [];
    for (const [sequence, step] of steps.entries()) {
      if (step === "begin") {
        open.push(`op-${sequence}`);
        messages.push({ kind: "claim", sequence, op: `op-${sequence}` });
      } else if (step === "list") {
        messages.push({ kind: "list", sequence, ops: [...open] });
      } else if (open.length > 0) {
        const [op = ""] = open.splice(step.end % open.length, 1);
        messages.push({ kind: "continue", sequence, op });
      }
    }
    return { messages, open };
  });

test("however one epoch's messages are reordered and repeated, what was ended stays ended", () => {
  const property = fc.property(
    anyScript,
    fc.array(fc.nat(), { maxLength: 40 }),
    (script, order) => {
      const { messages, open } = script;
      const stage = new Stage();
      const arrived = new Set<number>();
      const arrive = (index: number): void => {
        const message = messages[index];
        if (message === undefined) return;
        arrived.add(index);
        const from = node("mn-1", message.sequence);
        if (message.kind === "list") {
          const decision = stage.tryList(from, ...message.ops.map((op) => statement(u, op)));
          if (outcome(decision) === "accepted") stage.apply(decision);
        } else if (message.kind === "claim") {
          const decision = stage.tryClaim(from, statement(u, message.op));
          if (outcome(decision) === "accepted") stage.apply(decision);
        } else {
          const caller = { id: "mn-1", epoch: 1, sequence: message.sequence };
          stage.continue(u, message.op, { caller });
        }
        // What has been continued does not live, whatever else arrived in whatever order.
        for (const at of arrived) {
          const said = messages[at];
          const over = said?.kind === "continue" ? [`mn-1 ${said.op} 1`] : [];
          expect(stage.live.filter((claim) => over.includes(claim))).toEqual([]);
        }
      };
      for (const index of order) arrive(index % messages.length);
      for (const index of messages.keys()) if (!arrived.has(index)) arrive(index);
      // When all has arrived: nothing that was ended lives, and nothing lives that was never begun.
      const began = new Set(messages.flatMap((of) => (of.kind === "claim" ? [of.op] : [])));
      const live = [...stage.skipList.all()].map(({ operationId }) => operationId);
      expect(live.filter((op) => !open.includes(op) || !began.has(op))).toEqual([]);
      // What is in flight lives, once its node has sent its whole list anew as it has to.
      stage.list(node("mn-1", 1000), ...open.map((op) => statement(u, op)));
      expect(stage.live).toEqual(open.map((op) => `mn-1 ${op} 1`).toSorted());
    },
  );
  fc.assert(property, { numRuns: 300 });
});
