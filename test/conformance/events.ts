import { describe, expect, test } from "vitest";
import type { DomainName } from "./conformance-host.ts";
import { lifecycleOf, type Subject, until } from "./subject.ts";

/** virDomainEventType with its detail, as libvirt-domain.h numbers them. */
const defined = "0/0";
const redefined = "0/1";
const gone = "1/0";
const started = "2/0";
const suspended = "3/0";
const resumed = "4/0";
const stoppedByItself = "5/0";
const stoppedByDestroy = "5/1";
const stoppedByFailure = "5/5";
const shutDownByGuest = "6/1";
const shutDownByHost = "6/2";

export function eventConformance(subject: () => Subject): void {
  describe("events", () => {
    /** What a new client is told of a domain while an action makes so many events, or more. */
    async function told(domain: DomainName, count: number, action: () => Promise<void>) {
      const { client, events } = await subject().listener();
      await action();
      const enough = (): boolean => lifecycleOf(events, domain).length >= count;
      await until("events", enough).catch(() => {}); // the test shows what is missing
      await client.libraryVersion(); // an answer comes behind the events in front of it
      const ids = events.map((event) => event.domain.id);
      return { kinds: lifecycleOf(events, domain), ids };
    }

    test("defining, defining again and undefining are told as 0/0, 0/1 and 1/0", async () => {
      const { host } = subject();
      const domain = subject().domain();
      const first = await told(domain, 1, () => host.define(domain));
      expect(first).toEqual({ kinds: [defined], ids: [-1] });
      const second = await told(domain, 1, () => host.define(domain));
      expect(second).toEqual({ kinds: [redefined], ids: [-1] });
      const third = await told(domain, 1, () => host.undefine(domain));
      expect(third).toEqual({ kinds: [gone], ids: [-1] });
    });

    test("a start is told as resumed, and only then as started", async () => {
      const domain = await subject().defined();
      const { kinds, ids } = await told(domain, 2, () => subject().host.start(domain));
      expect(kinds).toEqual([resumed, started]);
      expect(Math.min(...ids)).toBeGreaterThanOrEqual(1);
    });

    test("a paused start is told as started, and only then as suspended", async () => {
      const domain = await subject().defined();
      const start = () => subject().host.start(domain, { paused: true });
      expect((await told(domain, 2, start)).kinds).toEqual([started, suspended]);
    });

    test("a transient domain is never told to be defined, nor undefined", async () => {
      const domain = subject().domain();
      const { kinds } = await told(domain, 4, async () => {
        await subject().host.create(domain, { paused: true });
        await subject().host.destroy(domain);
      });
      expect(kinds).toEqual([started, suspended, shutDownByHost, stoppedByDestroy]);
    });

    test("suspending and resuming are told", async () => {
      const { host } = subject();
      const domain = await subject().started();
      expect((await told(domain, 1, () => host.suspend(domain))).kinds).toEqual([suspended]);
      expect((await told(domain, 1, () => host.resume(domain))).kinds).toEqual([resumed]);
    });

    test("a destroyed domain shuts down by the host's will, and then has stopped", async () => {
      const domain = await subject().started({ paused: true });
      const { kinds, ids } = await told(domain, 2, () => subject().host.destroy(domain));
      expect(kinds).toEqual([shutDownByHost, stoppedByDestroy]);
      expect(ids[0]).toBeGreaterThanOrEqual(1);
      expect(ids[1]).toBe(-1);
    });

    test("a guest that switches off shuts down by its own will, and then has stopped", async () => {
      const domain = await subject().started();
      const { kinds } = await told(domain, 2, () => subject().host.shutDownGuest(domain));
      expect(kinds).toEqual([shutDownByGuest, stoppedByItself]);
    });

    test("a killed process is told as failed, under the id that it had", async () => {
      const domain = await subject().started({ paused: true });
      const client = await subject().client();
      const before = (await client.listAllDomains()).map(({ id }) => id);
      const kill = () => subject().host.killProcess(domain);
      expect(await told(domain, 1, kill)).toEqual({ kinds: [stoppedByFailure], ids: before });
    });

    test("an event tells of a state that can be read already", async () => {
      const { client, events } = await subject().listener();
      const domain = await subject().started({ paused: true });
      await until("suspended", () => lifecycleOf(events, domain).includes(suspended));
      expect(await subject().state(client, domain)).toBe("3/1");
      await subject().host.destroy(domain);
      await until("stopped", () => lifecycleOf(events, domain).includes(stoppedByDestroy));
      expect(await subject().state(client, domain)).toBe("5/2");
    });

    test("each of two clients is told, and one that closes takes nothing from the other", async () => {
      const [left, right] = [await subject().listener(), await subject().listener()];
      const domain = await subject().defined();
      await until("both", () => left.events.length === 1 && right.events.length === 1);
      left.client.close();
      await subject().host.undefine(domain);
      await until("the other", () => right.events.length === 2);
      expect(lifecycleOf(right.events, domain)).toEqual([defined, gone]);
      expect(left.events.length).toBe(1);
    });
  });
}
