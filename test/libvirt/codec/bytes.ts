// Bytes as they stand on the wire, put together without the product's encoder: what is tested must
// not be its own witness.

/** Numbers become a word, bigints a hyper, strings a length with padded text, buffers themselves. */
export function bytes(...parts: readonly (number | bigint | string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map(partBytes));
}

function partBytes(part: number | bigint | string | Buffer): Buffer {
  if (Buffer.isBuffer(part)) return part;
  if (typeof part === "string") {
    const text = Buffer.from(part, "utf8");
    return Buffer.concat([bytes(text.length), text, Buffer.alloc((4 - (text.length % 4)) % 4)]);
  }
  const word = Buffer.alloc(typeof part === "bigint" ? 8 : 4);
  if (typeof part === "bigint") word.writeBigUInt64BE(part);
  else word.writeUInt32BE(part >>> 0); // two's complement for what is negative
  return word;
}

export interface FrameWords {
  readonly length?: number;
  readonly program?: number;
  readonly version?: number;
  readonly procedure?: number;
  readonly type?: number;
  readonly serial?: number;
  readonly status?: number;
}

/** One frame, by default a reply of the remote program; any word can be wrong. */
export function frameBytes(words: FrameWords = {}, payload: Buffer = Buffer.alloc(0)): Buffer {
  const { length = 28 + payload.length, program = 0x20008086, version = 1 } = words;
  const { procedure = 59, type = 1, serial = 1, status = 0 } = words;
  return bytes(length, program, version, procedure, type, serial, status, payload);
}

export const uuids = {
  alpha: "00112233-4455-6677-8899-aabbccddeeff",
  beta: "deadbeef-0000-4000-8000-00000000beef",
} as const;

const hex = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex");

/** remote_nonnull_domain. */
export function domainBytes(name: string, uuid: string, id: number): Buffer {
  return bytes(name, hex(uuid), id);
}

/** remote_error as libvirtd fills it: message, level, and three texts of which the first repeats it. */
export function errorBytes(code: number, domain: number, message: string): Buffer {
  return bytes(code, domain, 1, message, 2, 0, 1, "%s", 1, message, 0, -1, -1, 0);
}
