import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, type Frame, FrameSplitter } from "../../../src/libvirt/codec/frame.ts";
import { bytes, frameBytes } from "./bytes.ts";
import { allocatedBytes, retainedBytes } from "./memory.ts";
import { outcomeOf, protocolErrorOf } from "./protocol-error.ts";

const frameBytesMax = 33_554_436;

/** What a fresh splitter makes of these chunks. */
function split(...chunks: readonly Buffer[]): Frame[] {
  const splitter = new FrameSplitter();
  return chunks.flatMap((chunk) => [...splitter.push(chunk)]);
}

const frames = fc.array(
  fc.record({
    program: fc.constantFrom(0x20008086, 0x6b656570),
    procedure: fc.nat({ max: 2 ** 32 - 1 }),
    type: fc.constantFrom(0 as const, 1 as const, 2 as const),
    serial: fc.nat({ max: 2 ** 32 - 1 }),
    status: fc.constantFrom(0 as const, 1 as const),
    payload: fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array)),
  }),
  { maxLength: 8 },
);

describe("a frame", () => {
  test("is read from hand-built bytes", () => {
    const payload = Buffer.from("payload!");
    const words = { procedure: 318, type: 2, serial: 0xfffffffe, status: 1 } as const;
    const [frame, ...others] = split(frameBytes(words, payload));
    expect(frame).toEqual({ ...words, program: 0x20008086, payload });
    expect(others).toEqual([]);
  });

  test("is encoded to the same bytes that were built by hand", () => {
    const words = { program: 0x6b656570, procedure: 2, type: 2, serial: 3, status: 0 } as const;
    const payload = Buffer.from("four");
    expect(encodeFrame(words, payload)).toEqual(frameBytes(words, payload));
    expect(encodeFrame(words)).toEqual(frameBytes(words));
  });

  test("that would pass the limit is not encoded", () => {
    const words = { program: 0x20008086, procedure: 1, type: 0, serial: 1, status: 0 } as const;
    expect(() => encodeFrame(words, Buffer.alloc(frameBytesMax - 27))).toThrow("cannot encode");
  });
});

describe("a stream", () => {
  test("cut in two at any offset gives the same frames", () => {
    const payloads = ["", "a", "abcd", "x".repeat(61)].map((text) => Buffer.from(text));
    const stream = bytes(...payloads.map((payload, serial) => frameBytes({ serial }, payload)));
    const whole = split(stream);
    expect(whole.map(({ payload }) => payload)).toEqual(payloads);
    for (let at = 0; at <= stream.length; at += 1) {
      expect(split(stream.subarray(0, at), stream.subarray(at))).toEqual(whole);
    }
  });

  test("of any frames, cut anywhere any number of times, gives these frames", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat()), (expected, cuts) => {
        const stream = bytes(
          ...expected.map(({ payload, ...words }) => frameBytes(words, payload)),
        );
        const offsets = cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b);
        const chunks = [...offsets, stream.length].map((end, index) =>
          Buffer.from(stream.subarray(offsets[index - 1] ?? 0, end)),
        );
        expect(split(...chunks)).toEqual(expected);
      }),
    );
  });

  test("of single bytes gives the same frames", () => {
    const stream = bytes(frameBytes({ serial: 1 }, Buffer.from("one")), frameBytes({ serial: 2 }));
    const pieces = Array.from(stream, (byte) => Buffer.from([byte]));
    expect(split(...pieces)).toEqual(split(stream));
  });

  test("yields the frames in front of a broken one, wherever it is cut", () => {
    const stream = bytes(
      frameBytes({ serial: 1 }),
      frameBytes({ serial: 2 }),
      frameBytes({ type: 9 }),
    );
    for (let at = 1; at < stream.length; at += 1) {
      const splitter = new FrameSplitter();
      const serials: number[] = [];
      protocolErrorOf(() => {
        for (const chunk of [stream.subarray(0, at), stream.subarray(at)]) {
          for (const frame of splitter.push(chunk)) serials.push(frame.serial);
        }
      });
      expect(serials).toEqual([1, 2]);
    }
  });

  test("that goes on does not change a payload that was handed out", () => {
    const splitter = new FrameSplitter();
    const first = frameBytes({ serial: 1 }, Buffer.from("first"));
    const second = frameBytes({ serial: 2 }, Buffer.from("other"));
    const chunks = [first.subarray(0, 20), bytes(first.subarray(20), second.subarray(0, 30))];
    const [frame] = chunks.flatMap((chunk) => [...splitter.push(chunk)]);
    expect([...splitter.push(second.subarray(30))].length).toBe(1);
    expect(frame?.payload.toString()).toBe("first");
  });
});

describe("a length word", () => {
  test.each([0, 1, 27, frameBytesMax + 1, 2 ** 31, 2 ** 32 - 1])("of %i is refused", (length) => {
    const chunk = bytes(length);
    const text = protocolErrorOf(() => split(chunk));
    expect(text).toContain(`frame of ${length} bytes`);
    // Also when its bytes come one by one, and when whole frames came first.
    protocolErrorOf(() => split(...Array.from(chunk, (byte) => Buffer.from([byte]))));
    protocolErrorOf(() => split(bytes(frameBytes(), chunk)));
  });

  test.each([28, frameBytesMax])("of %i is allowed", (length) => {
    expect(split(bytes(length))).toEqual([]);
  });

  test("promises nothing: for the largest frame only what arrived is held", () => {
    const start = frameBytes({ length: frameBytesMax });
    const allocated = allocatedBytes(() => {
      for (let time = 0; time < 20; time += 1) split(start, Buffer.alloc(1_000));
    });
    expect(allocated).toBeLessThan(1_000_000);
  });

  test("of 32 MiB brings its frame when all of it arrived", () => {
    const payload = Buffer.alloc(frameBytesMax - 28, 7);
    const stream = frameBytes({}, payload);
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 65_536)
      chunks.push(stream.subarray(at, at + 65_536));
    const [frame] = split(...chunks);
    expect(frame?.payload.equals(payload)).toBe(true);
  });
});

test("a million single bytes of one frame are held in a few megabytes", () => {
  const million = 1_000_000;
  const retained = retainedBytes(() => {
    const splitter = new FrameSplitter();
    const start = frameBytes({ length: frameBytesMax });
    for (let at = 0; at < million; at += 1) {
      splitter.push(start.subarray(at % 28, (at % 28) + 1)).next();
    }
    return splitter;
  });
  expect(retained).toBeLessThan(4 * million);
});

describe("a header word", () => {
  test.each([
    ["program (libvirt's QEMU one)", { program: 0x20008087 }],
    ["program 0", { program: 0 }],
    ["version 0", { version: 0 }],
    ["version 2", { version: 2 }],
    ["type 3 (a stream)", { type: 3 }],
    ["type 4 (a call with descriptors)", { type: 4 }],
    ["type 2^32-1", { type: 2 ** 32 - 1 }],
    ["status 2 (a stream goes on)", { status: 2 }],
    ["status 2^32-1", { status: 2 ** 32 - 1 }],
  ])("of unknown %s is refused", (_, words) => {
    expect(protocolErrorOf(() => split(frameBytes(words)))).toContain("unknown");
  });
});

test("random bytes give frames or a protocol error, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (stream) => {
      const splitter = new FrameSplitter();
      const outcome = outcomeOf(() => [...splitter.push(Buffer.from(stream))]);
      expect(outcome).toMatch(/^(value|cannot decode libvirt's answer: .*)$/);
    }),
  );
});
