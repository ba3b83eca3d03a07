// Frames: a length word that counts itself, six header words, a payload. `FrameSplitter` makes
// frames from a byte stream that may be cut anywhere. It holds only bytes that arrived: a length
// word promises nothing, so nothing is allocated for it.

import { protocolError } from "../errors.ts";
import {
  type FrameStatus,
  type FrameType,
  frameBytesMax,
  frameBytesMin,
  frameStatuses,
  frameTypes,
  lengthWordBytes,
  programs,
  protocolVersion,
} from "./protocol.ts";

export interface FrameHeader {
  /** `programs.remote` or `programs.keepalive`. */
  readonly program: number;
  readonly procedure: number;
  readonly type: FrameType;
  /** Ties a reply to its call; 0 in messages. */
  readonly serial: number;
  readonly status: FrameStatus;
}

export interface Frame extends FrameHeader {
  /** XDR, a view on the received bytes. */
  readonly payload: Buffer;
}

const empty = Buffer.alloc(0);
const knownPrograms: readonly number[] = Object.values(programs);
const knownTypes: readonly number[] = Object.values(frameTypes);
const knownStatuses: readonly number[] = Object.values(frameStatuses);

/** One frame in bytes. Throws if the payload does not fit into a frame. */
export function encodeFrame(header: FrameHeader, payload: Buffer = empty): Buffer {
  const length = frameBytesMin + payload.length;
  if (length > frameBytesMax) {
    throw new Error(`cannot encode frame: ${length} bytes, allowed are ${frameBytesMax}`);
  }
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(header.program, 4);
  bytes.writeUInt32BE(protocolVersion, 8);
  bytes.writeUInt32BE(header.procedure, 12);
  bytes.writeUInt32BE(header.type, 16);
  bytes.writeUInt32BE(header.serial, 20);
  bytes.writeUInt32BE(header.status, 24);
  payload.copy(bytes, frameBytesMin);
  return bytes;
}

/** Decodes one whole frame; its length word has been checked by the splitter. */
function decodeFrame(bytes: Buffer): Frame {
  const program = bytes.readUInt32BE(4);
  const version = bytes.readUInt32BE(8);
  const type = bytes.readUInt32BE(16);
  const status = bytes.readUInt32BE(24);
  if (!knownPrograms.includes(program)) throw protocolError(`unknown program ${program}`);
  if (version !== protocolVersion) throw protocolError(`unknown version ${version}`);
  if (!knownTypes.includes(type)) throw protocolError(`unknown type ${type}`);
  if (!knownStatuses.includes(status)) throw protocolError(`unknown status ${status}`);
  return {
    program,
    procedure: bytes.readUInt32BE(12),
    type: type as FrameType,
    serial: bytes.readUInt32BE(20),
    status: status as FrameStatus,
    payload: bytes.subarray(frameBytesMin),
  };
}

/** Cuts a byte stream into frames. After it threw, the stream is lost and must be closed. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #heldBytes = 0;
  /** Length of the frame being received, 0 while its length word is not complete. */
  #frameBytes = 0;

  /**
   * Takes the next bytes and returns the frames that they complete, in order.
   *
   * @throws LibvirtConnectionError `protocol-error`
   */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#heldBytes += chunk.length;
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | undefined {
    if (this.#frameBytes === 0) {
      if (this.#heldBytes < lengthWordBytes) return undefined;
      const length = this.#joined().readUInt32BE(0);
      if (length < frameBytesMin || length > frameBytesMax) {
        throw protocolError(
          `frame of ${length} bytes, allowed are ${frameBytesMin} to ${frameBytesMax}`,
        );
      }
      this.#frameBytes = length;
    }
    if (this.#heldBytes < this.#frameBytes) return undefined;
    const bytes = this.#joined();
    const frame = decodeFrame(bytes.subarray(0, this.#frameBytes));
    const rest = bytes.subarray(this.#frameBytes);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#heldBytes = rest.length;
    this.#frameBytes = 0;
    return frame;
  }

  /** All held bytes in one piece; joined at most twice a frame, however small the chunks. */
  #joined(): Buffer {
    const [first] = this.#chunks;
    if (this.#chunks.length === 1 && first !== undefined) return first;
    const bytes = Buffer.concat(this.#chunks, this.#heldBytes);
    this.#chunks = [bytes];
    return bytes;
  }
}
