import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { XdrReader, XdrWriter } from "../../../src/libvirt/codec/xdr.ts";
import { bytes } from "./bytes.ts";
import { protocolErrorOf } from "./protocol-error.ts";

describe("the reader", () => {
  test("reads big endian words and hypers, signed and unsigned", () => {
    const reader = new XdrReader(bytes(-2, -2, 2n ** 63n, 1));
    expect([reader.int32(), reader.uint32()]).toEqual([-2, 4_294_967_294]);
    expect(reader.uint64()).toBe(9_223_372_036_854_775_808n);
    expect(reader.boolean()).toBe(true);
    reader.end();
  });

  test("reads doubles", () => {
    const double = Buffer.alloc(8);
    double.writeDoubleBE(-1.5);
    expect(new XdrReader(double).double()).toBe(-1.5);
  });

  test.each(["", "a", "ab", "abc", "abcd", "abcde"])("leaves '%s' on a word's boundary", (text) => {
    const reader = new XdrReader(bytes(text, 77));
    expect(reader.string(10)).toBe(text);
    expect(reader.int32()).toBe(77);
    reader.end();
  });

  test("refuses a string that is one byte over the caller's bound", () => {
    expect(new XdrReader(bytes("abcde")).string(5)).toBe("abcde");
    protocolErrorOf(() => new XdrReader(bytes("abcde")).string(4));
  });

  test("refuses a string without the padding of its last word", () => {
    const reader = new XdrReader(bytes(1, Buffer.from("a")));
    expect(protocolErrorOf(() => reader.string(10))).toContain("cut off");
  });

  test("takes a count that just fits, and refuses one more", () => {
    expect(new XdrReader(bytes(3, Buffer.alloc(12))).count(3, 4)).toBe(3);
    protocolErrorOf(() => new XdrReader(bytes(3, Buffer.alloc(11))).count(3, 4));
    protocolErrorOf(() => new XdrReader(bytes(4, Buffer.alloc(16))).count(3, 4));
  });

  test("refuses booleans other than 0 and 1", () => {
    for (const value of [2, 256, -1]) {
      const text = protocolErrorOf(() => new XdrReader(bytes(value)).boolean());
      expect(text).toContain("allowed are 0 and 1");
    }
  });

  test("does not copy opaque data", () => {
    const payload = bytes("data");
    const opaque = new XdrReader(payload.subarray(4)).opaque(4);
    expect(opaque.buffer).toBe(payload.buffer);
  });
});

describe("the writer", () => {
  test("clears the padding that it writes, also in a used buffer", () => {
    const writer = new XdrWriter();
    // Past the first buffer: what it grows into is memory that others used before.
    for (let time = 0; time < 2_000; time += 1) writer.string("a");
    const words = new XdrReader(writer.toBuffer());
    for (let time = 0; time < 2_000; time += 1) expect(words.string(1)).toBe("a");
    words.end();
  });

  test("gives back any sequence of values", () => {
    const values = fc.array(
      fc.oneof(
        fc.record({ int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
        fc.record({ hyper: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
        fc.record({ text: fc.string({ unit: "binary" }) }),
        fc.record({ flag: fc.boolean() }),
      ),
    );
    fc.assert(
      fc.property(values, (list) => {
        const writer = new XdrWriter();
        for (const value of list) {
          if ("int" in value) writer.int32(value.int);
          else if ("hyper" in value) writer.uint64(value.hyper);
          else if ("text" in value) writer.string(value.text);
          else writer.boolean(value.flag);
        }
        const reader = new XdrReader(writer.toBuffer());
        const read = list.map((value) => {
          if ("int" in value) return { int: reader.int32() };
          if ("hyper" in value) return { hyper: reader.uint64() };
          if ("text" in value) return { text: reader.string(1_000) };
          return { flag: reader.boolean() };
        });
        expect(read).toEqual(list);
        reader.end();
      }),
    );
  });
});
