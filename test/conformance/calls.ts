import { describe, expect, test } from "vitest";
import type { LibvirtClient } from "../../src/libvirt/client.ts";
import { bytes, frameBytes } from "../libvirt/codec/bytes.ts";
import { errorOf, RawConnection } from "./raw-connection.ts";
import { failureCode, patience, type Subject, until } from "./subject.ts";

const hostname = 59;
const state = 212;
const keepaliveProgram = 0x6b656570;
const ping = { program: keepaliveProgram, procedure: 1, type: 2, serial: 0 };
const unknown = { uuid: "0badc0de-0000-4000-8000-000000000000" };
const open = bytes(1, "qemu:///system", 1);

const byNumber = (a: number, b: number): number => a - b;

/** Asks for all domains, one call at a time, until a call has not been answered for a while. */
async function listThatWaits(client: LibvirtClient): Promise<{ bulk: Promise<unknown> }> {
  const longAgo = Symbol("long ago");
  let bulk: Promise<unknown>;
  let outcome: unknown;
  do {
    bulk = client.allDomainStates();
    const pause = new Promise((resolve) => setTimeout(resolve, 150, longAgo));
    outcome = await Promise.race([bulk, pause]);
  } while (outcome !== longAgo);
  return { bulk };
}

export function callConformance(subject: () => Subject): void {
  describe("calls", () => {
    const path = (): string => subject().host.socketPath;

    async function expectAlive(connection: RawConnection): Promise<void> {
      expect((await connection.call(hostname)).status).toBe(0);
    }

    test("a call before authentication is refused with error 39, the connection lives", async () => {
      using connection = await RawConnection.open(path());
      expect(errorOf(await connection.call(1, open))).toMatchObject({ code: 39, domain: 7 });
      expect((await connection.call(66)).payload).toEqual(bytes(1, 0));
      expect((await connection.call(1, open)).status).toBe(0);
      await expectAlive(connection);
    });

    test("a call before CONNECT_OPEN is refused with error 1, the connection lives", async () => {
      using connection = await RawConnection.open(path());
      await connection.call(66);
      for (const [procedure, payload] of [[hostname], [157], [273, bytes(1, 0)]] as const) {
        const error = errorOf(await connection.call(procedure, payload));
        expect(error).toMatchObject({ code: 1, domain: 7 });
        expect(error.message).toBe("internal error: hypervisor connection not open");
      }
      await connection.call(1, open);
      await expectAlive(connection);
    });

    test("a second CONNECT_OPEN is refused, and undoes the first", async () => {
      using connection = await RawConnection.ready(path());
      const error = errorOf(await connection.call(1, open));
      expect(error).toMatchObject({ code: 1, message: "internal error: connection already open" });
      const next = errorOf(await connection.call(hostname));
      expect(next.message).toBe("internal error: hypervisor connection not open");
      expect((await connection.call(1, open)).status).toBe(0);
      await expectAlive(connection);
    });

    test("CONNECT_CLOSE is answered, and then the connection ends", async () => {
      using connection = await RawConnection.ready(path());
      expect((await connection.call(2)).status).toBe(0);
      await connection.closed;
    });

    test("an unknown procedure is answered with error 39, and the connection lives", async () => {
      using connection = await RawConnection.ready(path());
      const error = errorOf(await connection.call(9_999));
      expect(error).toMatchObject({ code: 39, domain: 7, message: "unknown procedure: 9999" });
      await expectAlive(connection);
    });

    test("arguments that cannot be decoded are answered with error 39 as well", async () => {
      using connection = await RawConnection.ready(path());
      for (const payload of [bytes(5), bytes(2 ** 32 - 1, Buffer.alloc(24)), Buffer.alloc(0)]) {
        const error = errorOf(await connection.call(state, payload));
        expect(error).toMatchObject({ code: 39, message: "Unable to decode message payload" });
      }
      await expectAlive(connection);
    });

    test("200 pipelined calls each get their own answer", async () => {
      const client = await subject().client();
      const domain = await subject().started({ paused: true });
      const expected = [await client.hostname(), { state: 3, reason: 1 }, 42];
      const calls = Array.from({ length: 200 }, (_, index) => {
        if (index % 3 === 0) return client.hostname();
        if (index % 3 === 1) return client.domainState(domain);
        return failureCode(client.domainState(unknown));
      });
      expect(await Promise.all(calls)).toEqual(calls.map((_, index) => expected[index % 3]));
    });

    test("calls cut in single bytes, or many in one piece, are understood", async () => {
      using connection = await RawConnection.ready(path());
      const serials = [901, 902, 903];
      const calls = serials.map((serial) => frameBytes({ type: 0, procedure: hostname, serial }));
      for (const byte of bytes(...calls)) connection.send(Buffer.from([byte]));
      const answered = (): number[] => connection.received.map(({ serial }) => serial).slice(2);
      await expect.poll(() => answered().toSorted(byNumber), patience).toEqual(serials);
      connection.send(bytes(...calls));
      await expect
        .poll(() => answered().toSorted(byNumber), patience)
        .toEqual([...serials, ...serials].toSorted(byNumber));
    });

    test("a list that waits for one domain holds up no call that does not name it", async () => {
      const client = await subject().client();
      const slow = await subject().started({ paused: true });
      const other = await subject().started({ paused: true });
      const release = await subject().host.destroySlowly(slow);
      const answered: string[] = [];
      const { bulk } = await listThatWaits(client);
      void bulk.then(() => answered.push("bulk"));
      expect(await client.domainState(other)).toEqual({ state: 3, reason: 1 });
      await client.libraryVersion();
      answered.push("others");
      await release();
      await bulk;
      expect(answered).toEqual(["others", "bulk"]);
      expect(await subject().state(client, slow)).toBe("5/2");
    });

    test("two clients at once get their own answers", async () => {
      const [left, right] = [await subject().client(), await subject().client()];
      const domain = await subject().defined();
      const calls = Array.from({ length: 50 }, (_, index) => {
        return index % 2 === 0 ? left.domainState(domain) : right.listAllDomains();
      });
      const expected = [{ state: 5, reason: 0 }, [{ ...domain, id: -1 }]];
      expect(await Promise.all(calls)).toEqual(calls.map((_, index) => expected[index % 2]));
      left.close();
      expect(await right.domainState(domain)).toEqual({ state: 5, reason: 0 });
    });

    test.each([0, 27, 33_554_437, 2 ** 32 - 1])(
      "a frame of %i bytes ends that connection, and no other",
      async (length) => {
        const other = await subject().client();
        using connection = await RawConnection.ready(path());
        connection.send(frameBytes({ type: 0, procedure: hostname, serial: 99, length }));
        await connection.closed;
        expect(connection.received.some(({ serial }) => serial === 99)).toBe(false);
        expect(await other.hostname()).toMatch(/\S/);
      },
    );

    test("bytes that are no frame end that connection, and no other", async () => {
      const other = await subject().client();
      using connection = await RawConnection.open(path());
      connection.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      await connection.closed;
      expect(await other.hostname()).toMatch(/\S/);
    });

    test("replies and messages from a client are ignored", async () => {
      using connection = await RawConnection.ready(path());
      for (const type of [1, 2]) {
        connection.send(frameBytes({ type, procedure: hostname, serial: 700 + type }));
      }
      await expectAlive(connection);
      expect(connection.received.some(({ serial }) => serial > 700)).toBe(false);
    });

    test("a ping is answered with a pong, also before authentication", async () => {
      using connection = await RawConnection.open(path());
      connection.send(frameBytes(ping));
      await until("a pong", () => connection.received.length === 1);
      const pong = { program: keepaliveProgram, procedure: 2, type: 2, serial: 0, status: 0 };
      expect(connection.received).toEqual([{ ...pong, payload: Buffer.alloc(0) }]);
    });

    test("keepalive is a feature; one that asked and does not answer is dropped", async () => {
      using connection = await RawConnection.ready(path());
      expect((await connection.call(60, bytes(10))).payload).toEqual(bytes(1));
      expect((await connection.call(60, bytes(999))).payload).toEqual(bytes(0));
      await connection.closed;
      const pings = connection.received.filter(({ program }) => program === keepaliveProgram);
      expect(pings.map(({ procedure }) => procedure)).toEqual(
        Array(subject().host.keepalive.count).fill(1),
      );
    });

    test("a client of ours that is idle answers the daemon's pings, and stays", async () => {
      const { intervalMs, count } = subject().host.keepalive;
      const client = await subject().client();
      using silent = await RawConnection.ready(path());
      await silent.call(60, bytes(10));
      await silent.closed; // one that does not answer is gone by now
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
      expect(count).toBeGreaterThan(1);
      expect(await client.hostname()).toMatch(/\S/);
    });
  });
}
