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
  /** Room for the frame being received; doubled when full, so that single bytes cost no more. */
  #held = empty;
  #heldBytes = 0;

  /**
   * Takes the next bytes and yields the frames that they complete, in order. A frame is yielded
   * before what follows it is looked at: what a stream yields does not depend on where it was cut.
   * To be iterated to its end, unless the stream is given up.
   *
   * @throws LibvirtConnectionError `protocol-error`
   */
  *push(chunk: Buffer): Generator<Frame, void> {
    let bytes = this.#heldBytes === 0 ? chunk : this.#hold(chunk);
    let length = frameBytesOf(bytes);
    if (length === undefined || length > bytes.length) {
      if (this.#heldBytes === 0) this.#hold(bytes);
      return;
    }
    // The frames are views on these bytes, so nothing may be written behind them any more.
    this.#held = empty;
    this.#heldBytes = 0;
    while (length !== undefined && length <= bytes.length) {
      const frame = bytes.subarray(0, length);
      bytes = bytes.subarray(length);
      yield decodeFrame(frame);
      length = frameBytesOf(bytes);
    }
    this.#hold(bytes);
  }

  /** Copies bytes behind those that are held, and returns all of them. */
  #hold(bytes: Buffer): Buffer {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
    return this.#held.subarray(0, needed);
  }
}

/** What the length word says, undefined while it is not complete. */
function frameBytesOf(bytes: Buffer): number | undefined {
  if (bytes.length < lengthWordBytes) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length < frameBytesMin || length > frameBytesMax) {
    throw protocolError(
      `frame of ${length} bytes, allowed are ${frameBytesMin} to ${frameBytesMax}`,
    );
  }
  return length;
}
