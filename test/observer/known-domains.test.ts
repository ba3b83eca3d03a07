import { expect, test } from "vitest";
import type { DomainEvent } from "../../src/libvirt/codec/messages.ts";
import { domainsMax } from "../../src/libvirt/codec/protocol.ts";
import { KnownDomains } from "../../src/observer/known-domains.ts";
import { uuid } from "./proc-folder.ts";

function domain(number: number, id = -1) {
  return { uuid: uuid(number), name: `vm-${number}`, id };
}
function event(number: number, kind: number, id = -1): DomainEvent {
  return { kind: "lifecycle", callbackId: 0, domain: domain(number, id), event: kind, detail: 0 };
}
const [wasDefined, wasUndefined, wasStarted] = [0, 1, 2];

function names(known: KnownDomains): string[] {
  return known.all.map(({ name }) => name).toSorted((one, other) => one.localeCompare(other));
}

test("a whole answer replaces what was known, but for what was heard since it was asked for", () => {
  const known = new KnownDomains();
  known.hear(event(1, wasDefined));
  const asked = known.events;
  known.hear(event(2, wasStarted, 7));
  known.replace([domain(3)], asked);
  expect(names(known)).toEqual(["vm-2", "vm-3"]);
  known.replace([domain(3)], known.events);
  expect(names(known)).toEqual(["vm-3"]);
});

test("an undefined domain is forgotten, but not while it runs", () => {
  const known = new KnownDomains();
  known.replace([domain(1), domain(2, 5)], 0);
  known.hear(event(1, wasUndefined));
  known.hear(event(2, wasUndefined, 5));
  known.hear({ kind: "reboot", callbackId: 0, domain: domain(3) });
  expect(names(known)).toEqual(["vm-2"]);
});

test("no more are known than libvirt itself can list, whatever the events name", () => {
  const known = new KnownDomains();
  for (let number = 0; number < domainsMax + 10; number += 1) known.hear(event(number, wasDefined));
  expect(known.all).toHaveLength(domainsMax);
  known.hear({ ...event(1, wasDefined), domain: { ...domain(1), name: "renamed" } });
  expect(known.all.find((one) => one.uuid === uuid(1))?.name).toBe("renamed");
});
