// XDR (RFC 4506): big endian, everything aligned to four bytes. The reader checks every length and
// count against the caller's bound *and* against the bytes that are there, before it allocates.

import { protocolError } from "../errors.ts";

const alignment = 4;

function paddedBytes(bytes: number): number {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

/** Reads XDR values from one payload; throws a protocol error on anything it does not expect. */
export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remainingBytes(): number {
    return this.#bytes.length - this.#offset;
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4, "an integer"));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4, "an unsigned integer"));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8, "an unsigned hyper"));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8, "a double"));
  }

  boolean(): boolean {
    const value = this.uint32();
    if (value > 1) throw protocolError(`boolean is ${value}, allowed are 0 and 1`);
    return value === 1;
  }

  /** Fixed-length opaque data; a view on the payload, not a copy. */
  opaque(bytes: number): Buffer {
    const start = this.#takePadded(bytes, "opaque data");
    return this.#bytes.subarray(start, start + bytes);
  }

  /** A string of at most `bytesMax` bytes. Bytes that are no UTF-8 become U+FFFD. */
  string(bytesMax: number): string {
    const bytes = this.uint32();
    if (bytes > bytesMax) throw protocolError(`string of ${bytes} bytes, allowed are ${bytesMax}`);
    const start = this.#takePadded(bytes, "a string");
    return this.#bytes.toString("utf8", start, start + bytes);
  }

  /** Whether the optional value that follows is there (XDR "pointer"). */
  present(): boolean {
    return this.boolean();
  }

  /**
   * Number of elements of the array that follows.
   *
   * @param countMax the protocol's bound
   * @param itemBytesMin least bytes of one element: a count that cannot fit is refused here
   */
  count(countMax: number, itemBytesMin: number): number {
    const count = this.uint32();
    if (count > countMax) throw protocolError(`array of ${count}, allowed are ${countMax}`);
    if (count * itemBytesMin > this.remainingBytes) {
      throw protocolError(`array of ${count} does not fit in ${this.remainingBytes} bytes`);
    }
    return count;
  }

  /** Demands that the payload has been read to its last byte. */
  end(): void {
    if (this.remainingBytes > 0) throw protocolError(`${this.remainingBytes} bytes too many`);
  }

  #take(bytes: number, what: string): number {
    if (bytes > this.remainingBytes) {
      throw protocolError(`${what} of ${bytes} bytes is cut off after ${this.remainingBytes}`);
    }
    const start = this.#offset;
    this.#offset += bytes;
    return start;
  }

  #takePadded(bytes: number, what: string): number {
    const padded = paddedBytes(bytes);
    const start = this.#take(padded, what);
    for (let at = start + bytes; at < start + padded; at += 1) {
      if (this.#bytes[at] !== 0) throw protocolError(`padding of ${what} is not zero`);
    }
    return start;
  }
}

/** Writes XDR values; the buffer grows as needed. */
export class XdrWriter {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  int32(value: number): this {
    const start = this.#grow(4); // first: it can replace the buffer
    this.#bytes.writeInt32BE(value, start);
    return this;
  }

  uint32(value: number): this {
    const start = this.#grow(4);
    this.#bytes.writeUInt32BE(value, start);
    return this;
  }

  uint64(value: bigint): this {
    const start = this.#grow(8);
    this.#bytes.writeBigUInt64BE(value, start);
    return this;
  }

  boolean(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  opaque(value: Uint8Array): this {
    const padded = paddedBytes(value.length);
    const start = this.#grow(padded);
    this.#bytes.set(value, start);
    this.#bytes.fill(0, start + value.length, start + padded);
    return this;
  }

  string(value: string): this {
    const bytes = Buffer.from(value, "utf8");
    return this.uint32(bytes.length).opaque(bytes);
  }

  /** What was written; the writer must not be used afterwards. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(bytes: number): number {
    const start = this.#length;
    const needed = start + bytes;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    this.#length = needed;
    return start;
  }
}
