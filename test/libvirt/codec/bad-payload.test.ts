// Payloads that break the protocol: each must be a protocol error, whatever is wrong with it, before
// anything is allocated for what it only promises.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodePayload,
  readAllDomainStats,
  readAuthTypes,
  readError,
  readListAllDomains,
  readText,
} from "../../../src/libvirt/codec/messages.ts";
import type { XdrReader } from "../../../src/libvirt/codec/xdr.ts";
import { bytes, domainBytes, uuids } from "./bytes.ts";
import { allocatedBytes } from "./memory.ts";
import { outcomeOf, protocolErrorOf } from "./protocol-error.ts";
import { samples } from "./samples.ts";

const domain = domainBytes("alpha", uuids.alpha, 7);
const intMax = 2 ** 32 - 1;

describe.each(samples)("$kind", ({ payload, read }) => {
  test("cut off at any offset is refused", () => {
    for (let length = 0; length < payload.length; length += 1) {
      const cut = payload.subarray(0, length);
      const text = protocolErrorOf(() => decodePayload(cut, read));
      expect(text).toMatch(/is cut off after|does not fit in/);
    }
  });

  test("with bytes too many is refused", () => {
    for (const extra of [1, 3, 4, 400]) {
      const longer = bytes(payload, Buffer.alloc(extra));
      const text = protocolErrorOf(() => decodePayload(longer, read));
      expect(text).toContain(`${extra} bytes too many`);
    }
  });

  test("shifted out of its alignment is refused", () => {
    for (const shift of [1, 2, 3]) {
      const text = protocolErrorOf(() => decodePayload(payload.subarray(shift), read));
      expect(text).not.toBe("");
    }
  });
});

describe("a count", () => {
  const kinds: readonly (readonly [string, (reader: XdrReader) => unknown, number])[] = [
    ["list", readListAllDomains, 16_384],
    ["bulk answer", readAllDomainStats, 16_384],
    ["auth list", readAuthTypes, 20],
  ];

  test.each(kinds)("of 2^32-1 in a %s is refused before anything is allocated", (_, read) => {
    const payload = bytes(intMax, Buffer.alloc(1_000));
    const refuse = () => protocolErrorOf(() => decodePayload(payload, read));
    expect(allocatedBytes(refuse)).toBeLessThan(500_000);
  });

  test.each(kinds)("past the protocol's bound in a %s is refused", (_, read, countMax) => {
    const payload = bytes(countMax + 1, Buffer.alloc(4 * 1_048_576));
    const text = protocolErrorOf(() => decodePayload(payload, read));
    expect(text).toContain(`array of ${countMax + 1}, allowed are ${countMax}`);
  });

  test.each(kinds)("that cannot fit into what is left of a %s is refused at once", (_, read) => {
    const text = protocolErrorOf(() => decodePayload(bytes(20), read));
    expect(text).toContain("array of 20 does not fit in 0 bytes");
  });

  test("of one domain's parameters is bounded too", () => {
    const tooMany = bytes(1, domain, 4_096 * 64 + 1, Buffer.alloc(4 * 1_048_576));
    const cannotFit = bytes(1, domain, 100, Buffer.alloc(1_199));
    expect(protocolErrorOf(() => decodePayload(tooMany, readAllDomainStats))).toContain(
      "array of 262145, allowed are 262144",
    );
    expect(protocolErrorOf(() => decodePayload(cannotFit, readAllDomainStats))).toContain(
      "array of 100 does not fit in 1199 bytes",
    );
  });

  test("that a list repeats differently at its end is refused", () => {
    const payload = bytes(1, domain, 2);
    const text = protocolErrorOf(() => decodePayload(payload, readListAllDomains));
    expect(text).toContain("a list of 1 domains that says 2");
  });
});

describe("a string", () => {
  test("past its bound is refused, whether its bytes are there or not", () => {
    const bound = 4_194_304;
    for (const payload of [bytes(intMax), bytes(bound + 1, Buffer.alloc(bound + 4))]) {
      const text = protocolErrorOf(() => decodePayload(payload, readText));
      expect(text).toContain(`allowed are ${bound}`);
    }
  });

  test("that promises more than there is costs nothing", () => {
    const payload = bytes(4_194_304, "little");
    const allocated = allocatedBytes(() => protocolErrorOf(() => decode(payload)));
    expect(allocated).toBeLessThan(1_000_000);
  });

  test.each([1, 2, 3])("with %i bytes of padding, one of them not zero, is refused", (padding) => {
    const text = Buffer.alloc(4, 0x61).subarray(padding);
    for (let at = 0; at < padding; at += 1) {
      const pad = Buffer.alloc(padding);
      pad[at] = 1;
      const payload = bytes(text.length, text, pad);
      expect(protocolErrorOf(() => decode(payload))).toContain("padding");
    }
  });

  const decode = (payload: Buffer): string => decodePayload(payload, readText);
});

describe("a value that is none of those allowed is refused:", () => {
  test.each([
    ["boolean is 2", bytes(1, 7, 2), readError],
    ["state.state has type 7", bytes(1, domain, 1, "state.state", 7, "a"), readAllDomainStats],
    ["state.reason has type 2", bytes(1, domain, 1, "state.reason", 2, 1), readAllDomainStats],
    ["unknown parameter type 0", bytes(1, domain, 1, "a", 0, 1), readAllDomainStats],
    ["unknown parameter type 8", bytes(1, domain, 1, "a", 8, 1), readAllDomainStats],
  ])("%s", (what, payload, read) => {
    expect(protocolErrorOf(() => decodePayload<unknown>(payload, read))).toContain(what);
  });
});

describe("random bytes", () => {
  const known = /^(value|cannot decode libvirt's answer: .*)$/;
  const words = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    // Small words get past the first checks, which bytes at random hardly ever do.
    fc
      .array(fc.oneof(fc.nat({ max: 8 }), fc.constantFrom(intMax, 2 ** 31, 20, 16_384)))
      .map((values) => bytes(...values)),
  );

  test.each(samples)("read as $kind give a value or a protocol error", ({ read }) => {
    fc.assert(
      fc.property(words, (payload) => {
        expect(outcomeOf(() => decodePayload(Buffer.from(payload), read))).toMatch(known);
      }),
      { numRuns: 300 },
    );
  });

  test.each(samples)("in the place of any of $kind's do too", ({ payload, read }) => {
    const at = fc.nat({ max: payload.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(at, fc.nat({ max: 255 })), { minLength: 1 }), (changes) => {
        const changed = Buffer.from(payload);
        for (const [offset, byte] of changes) changed[offset] = byte;
        expect(outcomeOf(() => decodePayload(changed, read))).toMatch(known);
      }),
      { numRuns: 300 },
    );
  });
});
