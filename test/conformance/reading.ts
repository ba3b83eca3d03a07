import { describe, expect, test } from "vitest";
import type { LibvirtClient } from "../../src/libvirt/client.ts";
import type { DomainName } from "./conformance-host.ts";
import { failureCode, patience, type Subject } from "./subject.ts";

const absent = "0badc0de-0000-4000-8000-000000000000";

/** Reads a domain again and again while an action runs; what was seen, each state once in a row. */
async function watch(
  subject: Subject,
  client: LibvirtClient,
  domain: DomainName,
  action: Promise<void>,
): Promise<{ states: string[]; ids: Set<number> }> {
  const states: string[] = [];
  const ids = new Set<number>();
  let isDone = false;
  const done = action.finally(() => {
    isDone = true;
  });
  for (let isLast = false; !isLast; ) {
    isLast = isDone; // one more look after the end
    const state = await subject.state(client, domain);
    if (states.at(-1) !== state) states.push(state);
    const listed = (await client.listAllDomains()).find(({ uuid }) => uuid === domain.uuid);
    if (listed !== undefined) ids.add(listed.id);
  }
  await done;
  return { states, ids };
}

export function readingConformance(subject: () => Subject): void {
  describe("reading", () => {
    test("the version of the library and the name of the host are told", async () => {
      const client = await subject().client();
      const { major, minor, release } = await client.libraryVersion();
      expect(major).toBeGreaterThanOrEqual(6);
      expect(minor + release).toBeLessThan(2_000);
      expect(await client.hostname()).toMatch(/^\S+$/);
    });

    test("a host without domains reads as empty lists", async () => {
      const client = await subject().client();
      expect(await client.allDomainStates()).toEqual([]);
      expect(await client.listAllDomains()).toEqual([]);
    });

    test("a domain that was defined and never started reads 5/0, without an id", async () => {
      const client = await subject().client();
      const domain = await subject().defined();
      const record = { ...domain, id: -1, state: 5, reason: 0 };
      expect(await client.allDomainStates()).toEqual([record]);
      expect(await client.listAllDomains()).toEqual([{ ...domain, id: -1 }]);
    });

    test("a domain that starts reads 3/11 first and then 1/1, and has an id all the time", async () => {
      const client = await subject().client();
      const domain = subject().domain();
      const create = subject().host.create(domain);
      const { states, ids } = await watch(subject(), client, domain, create);
      expect(states.filter((state) => state !== "absent")).toEqual(["3/11", "1/1"]);
      expect([...ids].every((id) => id >= 1)).toBe(true);
    });

    test("a domain that is started paused reads 3/11 first and then 3/1", async () => {
      const client = await subject().client();
      const domain = await subject().defined();
      const start = subject().host.start(domain, { paused: true });
      const { states } = await watch(subject(), client, domain, start);
      expect(states.filter((state) => state !== "5/0")).toEqual(["3/11", "3/1"]);
    });

    test("each start gives a new id", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      await subject().started({ paused: true });
      const first = (await client.listAllDomains()).map(({ id }) => id);
      await subject().host.destroy(domain);
      await subject().host.start(domain, { paused: true });
      const second = (await client.listAllDomains()).map(({ id }) => id);
      expect(new Set([...first, ...second]).size).toBe(3);
    });

    test("a suspended domain reads 3/1, and 1/5 when it was resumed", async () => {
      const client = await subject().client();
      const domain = await subject().started();
      await subject().host.suspend(domain);
      expect(await subject().state(client, domain)).toBe("3/1");
      await subject().host.resume(domain);
      expect(await subject().state(client, domain)).toBe("1/5");
    });

    test("the bulk answer equals the list and the state of each domain in it", async () => {
      const client = await subject().client();
      await subject().defined();
      await subject().started();
      await subject().started({ paused: true });
      const destroyed = await subject().started({ paused: true });
      await subject().host.destroy(destroyed);
      const listed = await client.listAllDomains();
      const read = listed.map(async (ref) => ({ ...ref, ...(await client.domainState(ref)) }));
      const byUuid = (a: DomainName, b: DomainName): number => a.uuid.localeCompare(b.uuid);
      const bulk = await client.allDomainStates();
      expect(bulk.length).toBe(4);
      expect(bulk.toSorted(byUuid)).toEqual((await Promise.all(read)).toSorted(byUuid));
    });

    test("a persistent domain that was destroyed reads 5/2, without an id", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      await subject().host.destroy(domain);
      const record = { ...domain, id: -1, state: 5, reason: 2 };
      expect(await client.allDomainStates()).toEqual([record]);
    });

    test("a transient domain that was destroyed is gone", async () => {
      const client = await subject().client();
      const domain = subject().domain();
      await subject().host.create(domain, { paused: true });
      expect(await subject().state(client, domain)).toBe("3/1");
      await subject().host.destroy(domain);
      expect(await client.allDomainStates()).toEqual([]);
      expect(await client.listAllDomains()).toEqual([]);
      expect(await failureCode(client.domainState(domain))).toBe(42);
    });

    test("a domain whose definition was taken away lives until it is destroyed", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      await subject().host.undefine(domain);
      expect(await subject().state(client, domain)).toBe("3/1");
      await subject().host.destroy(domain);
      expect(await subject().state(client, domain)).toBe("absent");
    });

    test("a transient domain that was defined stays when it is destroyed", async () => {
      const client = await subject().client();
      const domain = subject().domain();
      await subject().host.create(domain, { paused: true });
      await subject().host.define(domain);
      expect(await subject().state(client, domain)).toBe("3/1");
      await subject().host.destroy(domain);
      expect(await subject().state(client, domain)).toBe("5/2");
    });

    test("a domain whose guest switched off reads 5/1", async () => {
      const client = await subject().client();
      const domain = await subject().started();
      await subject().host.shutDownGuest(domain);
      await expect.poll(() => subject().state(client, domain), patience).toBe("5/1");
    });

    test("a domain whose process was killed reads 5/3", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      await subject().host.killProcess(domain);
      await expect.poll(() => subject().state(client, domain), patience).toBe("5/3");
    });

    test("a uuid that no domain has is answered with error 42", async () => {
      const client = await subject().client();
      expect(await failureCode(client.domainState({ uuid: absent }))).toBe(42);
      expect(await failureCode(client.controlInfo({ uuid: absent }))).toBe(42);
    });

    test("a domain is found by its uuid, whatever name and id go with it", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      const state = { state: 3, reason: 1 };
      expect(await client.domainState({ uuid: domain.uuid })).toEqual(state);
      expect(await client.domainState({ ...domain, name: "stale", id: 4_711 })).toEqual(state);
    });

    test("the control line of a running domain is ok; one that does not run has none", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      expect(await client.controlInfo(domain)).toEqual({ state: 0, details: 0, stateTimeMs: 0 });
      await subject().host.destroy(domain);
      expect(await failureCode(client.controlInfo(domain))).toBe(55);
    });
  });
}
