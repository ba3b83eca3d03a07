import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as messages from "../../../src/libvirt/codec/messages.ts";
import type { XdrReader } from "../../../src/libvirt/codec/xdr.ts";
import { bytes, domainBytes, errorBytes, uuids } from "./bytes.ts";
import { protocolErrorOf } from "./protocol-error.ts";
import { samples } from "./samples.ts";

const { decodePayload } = messages;
const hex = (buffer: Buffer): string => buffer.toString("hex");

const domainRef = fc.record({
  name: fc.string({ unit: "binary", maxLength: 40 }),
  uuid: fc.uuid(),
  id: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
});
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe("decoding", () => {
  test.each(samples)("reads a hand-built $kind", ({ payload, read, value }) => {
    expect(decodePayload(payload, read)).toMatchObject(value as object);
  });

  test("a domain without state parameters reads as 0, no state", () => {
    const payload = bytes(1, domainBytes("bare", uuids.alpha, 3), 0);
    const [record] = decodePayload(payload, messages.readAllDomainStats);
    expect(record).toMatchObject({ name: "bare", state: 0, reason: 0 });
  });

  test("uuids are dashed and lower case", () => {
    const uuid = "AABBCCDD-EEFF-0011-2233-445566778899";
    const payload = bytes(1, domainBytes("upper", uuid, 1), 1);
    const [domain] = decodePayload(payload, messages.readListAllDomains);
    expect(domain?.uuid).toBe("aabbccdd-eeff-0011-2233-445566778899");
  });

  test("a name that is no UTF-8 does not spoil the answer", () => {
    const name = bytes(3, Buffer.from([0x61, 0xff, 0xfe, 0]));
    const payload = bytes(1, name, Buffer.alloc(16), 1, 1);
    const [domain] = decodePayload(payload, messages.readListAllDomains);
    expect(domain?.name).toBe("a\ufffd\ufffd");
  });

  test("an error of 4 MiB keeps only the beginning of its text", () => {
    const error = decodePayload(errorBytes(1, 7, "x".repeat(4_194_304)), messages.readError);
    expect(error.message.length).toBeLessThanOrEqual(1_000);
    expect(error.message.startsWith("xxx")).toBe(true);
  });
});

describe("encoding", () => {
  const alpha = { name: "alpha", uuid: uuids.alpha, id: -1 };
  const alphaBytes = domainBytes("alpha", uuids.alpha, -1);

  test("arguments are what libvirt's remote_protocol.x says, word for word", () => {
    const open = bytes(1, "qemu:///system", 1);
    expect(hex(messages.writeConnectOpen("qemu:///system", 1))).toBe(hex(open));
    expect(hex(messages.writeListAllDomainsArguments(3))).toBe(hex(bytes(1, 3)));
    expect(hex(messages.writeAllDomainStatsArguments(1, 4))).toBe(hex(bytes(0, 1, 4)));
    expect(hex(messages.writeDomainAndFlags(alpha, 0))).toBe(hex(bytes(alphaBytes, 0)));
    expect(hex(messages.writeEventRegistration(1))).toBe(hex(bytes(1, 0)));
    expect(hex(messages.writeInt(-5))).toBe(hex(bytes(-5)));
  });

  test.each([
    ["too short", "00112233-4455-6677-8899-aabbccddee"],
    ["a digit too long", `${uuids.alpha}0`],
    ["a byte too long", `${uuids.alpha}00`],
    ["not hexadecimal", "zz112233-4455-6677-8899-aabbccddeeff"],
    ["empty", ""],
  ])("a uuid that is %s is refused, not sent as another one", (_, uuid) => {
    const write = () => messages.writeDomainAndFlags({ ...alpha, uuid }, 0);
    expect(write).toThrow("cannot encode uuid");
  });
});

describe("what is written reads back the same:", () => {
  interface Kind {
    readonly kind: string;
    readonly values: fc.Arbitrary<unknown>;
    readonly write: (value: never) => Buffer;
    readonly read: (reader: XdrReader) => unknown;
  }
  const record = fc
    .tuple(domainRef, int32, int32)
    .map(([domain, state, reason]) => ({ ...domain, state, reason }));
  const event = { callbackId: int32, domain: domainRef };
  const lifecycle = fc.record({
    ...event,
    kind: fc.constant("lifecycle"),
    event: int32,
    detail: int32,
  });
  const reboot = fc.record({ ...event, kind: fc.constant("reboot") });
  const text = fc.string({ unit: "binary", maxLength: 400 });
  const error = fc.record({ code: int32, domain: int32, message: text });

  test.each<Kind>([
    {
      kind: "list",
      values: fc.array(domainRef),
      write: messages.writeListAllDomains,
      read: messages.readListAllDomains,
    },
    {
      kind: "bulk stats",
      values: fc.array(record),
      write: messages.writeAllDomainStats,
      read: messages.readAllDomainStats,
    },
    {
      kind: "lifecycle event",
      values: lifecycle,
      write: messages.writeLifecycleEvent,
      read: messages.readLifecycleEvent,
    },
    {
      kind: "reboot event",
      values: reboot,
      write: messages.writeRebootEvent,
      read: messages.readRebootEvent,
    },
    {
      kind: "state",
      values: fc.record({ state: int32, reason: int32 }),
      write: messages.writeDomainState,
      read: messages.readDomainState,
    },
    {
      kind: "auth list",
      values: fc.array(int32, { maxLength: 20 }),
      write: messages.writeAuthTypes,
      read: messages.readAuthTypes,
    },
    { kind: "number", values: int32, write: messages.writeInt, read: messages.readInt },
    { kind: "text", values: text, write: messages.writeText, read: messages.readText },
    {
      kind: "version",
      values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      write: messages.writeUint64,
      read: messages.readUint64,
    },
    {
      kind: "error",
      values: error,
      write: messages.writeError,
      read: (reader) => {
        const { code, domain, message } = messages.readError(reader);
        return { code, domain, message };
      },
    },
  ])("$kind", ({ values, write, read }) => {
    fc.assert(
      fc.property(values, (value) => {
        const payload = write(value as never);
        expect(payload.length % 4).toBe(0);
        expect(decodePayload(payload, read)).toEqual(value);
      }),
    );
  });
});

test("a bound is reached by the largest value that is allowed and passed by the next", () => {
  const twenty = messages.writeAuthTypes(Array<number>(20).fill(0));
  const tooMany = messages.writeAuthTypes(Array<number>(21).fill(0));
  expect(decodePayload(twenty, messages.readAuthTypes).length).toBe(20);
  expect(protocolErrorOf(() => decodePayload(tooMany, messages.readAuthTypes))).toContain("21");
  const longest = messages.writeText("x".repeat(4_194_304));
  const tooLong = messages.writeText("x".repeat(4_194_305));
  expect(decodePayload(longest, messages.readText).length).toBe(4_194_304);
  protocolErrorOf(() => decodePayload(tooLong, messages.readText));
});
