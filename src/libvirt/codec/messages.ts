// Arguments, answers and events of the procedures that this project speaks, as they stand in
// libvirt's remote_protocol.x. Encoders for both sides are here: the client sends arguments and
// reads answers, the simulator does the reverse.

import { LibvirtError, protocolError } from "../errors.ts";
import {
  authTypesMax,
  domainsMax,
  parameterTypes,
  stateParameters,
  statsParametersMax,
  stringBytesMax,
  uuidBytes,
} from "./protocol.ts";
import { XdrReader, XdrWriter } from "./xdr.ts";

/** How libvirt names a domain on the wire (remote_nonnull_domain). */
export interface DomainRef {
  readonly name: string;
  /** Dashed, lower case. */
  readonly uuid: string;
  /** Number of the running domain, -1 while it is not running. */
  readonly id: number;
}

/** A domain's state, in libvirt's numbers (libvirt-domain.h). */
export interface DomainState {
  /** virDomainState: 0 none, 1 running, 2 blocked, 3 paused, 4 shutdown, 5 shut off, 6 crashed. */
  readonly state: number;
  /** Of the enumeration that belongs to the state: 3/11 is paused, starting up. */
  readonly reason: number;
}

/** One domain of the bulk answer. */
export interface DomainStateRecord extends DomainRef, DomainState {}

/** Answer of domainGetControlInfo; `state` is virDomainControlState, 2 is "occupied". */
export interface ControlInfo {
  readonly state: number;
  readonly details: number;
  readonly stateTimeMs: number;
}

/** A domain was defined, started, suspended, stopped, ... */
export interface LifecycleEvent {
  readonly kind: "lifecycle";
  /** What the registration was answered. */
  readonly callbackId: number;
  readonly domain: DomainRef;
  /** virDomainEventType: 0 defined, 1 undefined, 2 started, 3 suspended, 4 resumed, 5 stopped. */
  readonly event: number;
  /** The detail enumeration that belongs to `event`. */
  readonly detail: number;
}

/** The guest rebooted; its QEMU went on. */
export interface RebootEvent {
  readonly kind: "reboot";
  readonly callbackId: number;
  readonly domain: DomainRef;
}

export type DomainEvent = LifecycleEvent | RebootEvent;

const domainRefBytesMin = 4 + uuidBytes + 4;
const parameterBytesMin = 4 + 4 + 4;
const statsRecordBytesMin = domainRefBytesMin + 4;
const authTypeBytes = 4;

/** Decodes one payload to its last byte; a byte too many is a protocol error. */
export function decodePayload<T>(payload: Buffer, read: (reader: XdrReader) => T): T {
  const reader = new XdrReader(payload);
  const value = read(reader);
  reader.end();
  return value;
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function readDomainRef(reader: XdrReader): DomainRef {
  const name = reader.string(stringBytesMax);
  const uuid = uuidText(reader.opaque(uuidBytes));
  return { name, uuid, id: reader.int32() };
}

export function writeDomainRef(writer: XdrWriter, domain: DomainRef): XdrWriter {
  const hex = domain.uuid.replaceAll("-", "");
  const uuid = Buffer.from(hex, "hex"); // stops at what is no digit, and drops an odd one
  if (uuid.length !== uuidBytes || hex.length !== 2 * uuidBytes)
    throw new Error(`cannot encode uuid: '${domain.uuid}'`);
  return writer.string(domain.name).opaque(uuid).int32(domain.id);
}

// remote_error (virNetMessageError in virnetprotocol.x)

/** An error's text goes into logs and answers; libvirt's own are a line, the wire allows 4 MiB. */
const errorCharsMax = 1_000;

function readOptionalString(reader: XdrReader): string | undefined {
  return reader.present() ? reader.string(stringBytesMax) : undefined;
}

export function readError(reader: XdrReader): LibvirtError {
  const code = reader.int32();
  const domain = reader.int32();
  const message = readOptionalString(reader);
  reader.int32(); // level
  if (reader.present()) readDomainRef(reader);
  for (let text = 0; text < 3; text += 1) readOptionalString(reader);
  reader.int32();
  reader.int32();
  if (reader.present()) {
    reader.string(stringBytesMax); // network: name and uuid
    reader.opaque(uuidBytes);
  }
  const text = message?.slice(0, errorCharsMax) ?? `libvirt error ${code}`;
  return new LibvirtError(code, domain, text);
}

export function writeError(error: { code: number; domain: number; message: string }): Buffer {
  const levelError = 2;
  const writer = new XdrWriter().int32(error.code).int32(error.domain);
  writer.boolean(true).string(error.message).int32(levelError).boolean(false);
  for (let text = 0; text < 3; text += 1) writer.boolean(false);
  return writer.int32(0).int32(0).boolean(false).toBuffer();
}

// authentication and opening

export function readAuthTypes(reader: XdrReader): number[] {
  const count = reader.count(authTypesMax, authTypeBytes);
  const types: number[] = [];
  for (let index = 0; index < count; index += 1) types.push(reader.int32());
  return types;
}

export function writeAuthTypes(types: readonly number[]): Buffer {
  const writer = new XdrWriter().uint32(types.length);
  for (const type of types) writer.int32(type);
  return writer.toBuffer();
}

export function writeConnectOpen(uri: string, flags: number): Buffer {
  return new XdrWriter().boolean(true).string(uri).uint32(flags).toBuffer();
}

export function readConnectOpen(reader: XdrReader): { uri: string | undefined; flags: number } {
  return { uri: readOptionalString(reader), flags: reader.uint32() };
}

// lists of domains

export function writeListAllDomainsArguments(flags: number): Buffer {
  const needResults = 1;
  return new XdrWriter().int32(needResults).uint32(flags).toBuffer();
}

export function readListAllDomainsArguments(reader: XdrReader): { flags: number } {
  reader.int32(); // whether results are wanted, or only their number
  return { flags: reader.uint32() };
}

export function readListAllDomains(reader: XdrReader): DomainRef[] {
  const count = reader.count(domainsMax, domainRefBytesMin);
  const domains: DomainRef[] = [];
  for (let index = 0; index < count; index += 1) domains.push(readDomainRef(reader));
  const total = reader.uint32();
  if (total !== count) throw protocolError(`a list of ${count} domains that says ${total}`);
  return domains;
}

export function writeListAllDomains(domains: readonly DomainRef[]): Buffer {
  const writer = new XdrWriter().uint32(domains.length);
  for (const domain of domains) writeDomainRef(writer, domain);
  return writer.uint32(domains.length).toBuffer();
}

/** An empty list of domains means all of them. */
export function writeAllDomainStatsArguments(stats: number, flags: number): Buffer {
  return new XdrWriter().uint32(0).uint32(stats).uint32(flags).toBuffer();
}

export function readAllDomainStatsArguments(reader: XdrReader): {
  domains: DomainRef[];
  stats: number;
  flags: number;
} {
  const count = reader.count(domainsMax, domainRefBytesMin);
  const domains: DomainRef[] = [];
  for (let index = 0; index < count; index += 1) domains.push(readDomainRef(reader));
  return { domains, stats: reader.uint32(), flags: reader.uint32() };
}

export function readAllDomainStats(reader: XdrReader): DomainStateRecord[] {
  const count = reader.count(domainsMax, statsRecordBytesMin);
  const records: DomainStateRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const { name, uuid, id } = readDomainRef(reader);
    // A domain without these parameters stays at 0, "no state", which is judged as Unknown.
    let state = 0;
    let reason = 0;
    const parameters = reader.count(statsParametersMax, parameterBytesMin);
    for (let at = 0; at < parameters; at += 1) {
      const field = reader.string(stringBytesMax);
      if (field === stateParameters.state) state = readIntParameter(reader, field);
      else if (field === stateParameters.reason) reason = readIntParameter(reader, field);
      else skipParameterValue(reader);
    }
    records.push({ name, uuid, id, state, reason });
  }
  return records;
}

function readIntParameter(reader: XdrReader, field: string): number {
  const type = reader.uint32();
  if (type !== parameterTypes.int) throw protocolError(`${field} has type ${type}, not int`);
  return reader.int32();
}

function skipParameterValue(reader: XdrReader): void {
  const type = reader.uint32();
  switch (type) {
    case parameterTypes.int:
    case parameterTypes.uint:
    case parameterTypes.boolean:
      reader.uint32();
      return;
    case parameterTypes.llong:
    case parameterTypes.ullong:
      reader.uint64();
      return;
    case parameterTypes.double:
      reader.double();
      return;
    case parameterTypes.string:
      reader.string(stringBytesMax);
      return;
    default:
      throw protocolError(`unknown parameter type ${type}`);
  }
}

export function writeAllDomainStats(records: readonly DomainStateRecord[]): Buffer {
  const writer = new XdrWriter().uint32(records.length);
  for (const record of records) {
    writeDomainRef(writer, record).uint32(2);
    writer.string(stateParameters.state).uint32(parameterTypes.int).int32(record.state);
    writer.string(stateParameters.reason).uint32(parameterTypes.int).int32(record.reason);
  }
  return writer.toBuffer();
}

// one domain

export function writeDomainAndFlags(domain: DomainRef, flags: number): Buffer {
  return writeDomainRef(new XdrWriter(), domain).uint32(flags).toBuffer();
}

export function readDomainAndFlags(reader: XdrReader): { domain: DomainRef; flags: number } {
  return { domain: readDomainRef(reader), flags: reader.uint32() };
}

export function readDomainState(reader: XdrReader): DomainState {
  return { state: reader.int32(), reason: reader.int32() };
}

export function writeDomainState(state: DomainState): Buffer {
  return new XdrWriter().int32(state.state).int32(state.reason).toBuffer();
}

export function readControlInfo(reader: XdrReader): ControlInfo {
  const state = reader.uint32();
  return { state, details: reader.uint32(), stateTimeMs: Number(reader.uint64()) };
}

export function writeControlInfo(info: ControlInfo): Buffer {
  const writer = new XdrWriter().uint32(info.state).uint32(info.details);
  return writer.uint64(BigInt(info.stateTimeMs)).toBuffer();
}

// events

/** `domain` absent: events of every domain. */
export function writeEventRegistration(eventId: number): Buffer {
  return new XdrWriter().int32(eventId).boolean(false).toBuffer();
}

export function readEventRegistration(reader: XdrReader): { eventId: number } {
  const eventId = reader.int32();
  if (reader.present()) readDomainRef(reader);
  return { eventId };
}

export function readLifecycleEvent(reader: XdrReader): LifecycleEvent {
  const callbackId = reader.int32();
  const domain = readDomainRef(reader);
  return { kind: "lifecycle", callbackId, domain, event: reader.int32(), detail: reader.int32() };
}

export function writeLifecycleEvent(event: LifecycleEvent): Buffer {
  const writer = writeDomainRef(new XdrWriter().int32(event.callbackId), event.domain);
  return writer.int32(event.event).int32(event.detail).toBuffer();
}

export function readRebootEvent(reader: XdrReader): RebootEvent {
  return { kind: "reboot", callbackId: reader.int32(), domain: readDomainRef(reader) };
}

export function writeRebootEvent(event: RebootEvent): Buffer {
  return writeDomainRef(new XdrWriter().int32(event.callbackId), event.domain).toBuffer();
}

// single values

export const readInt = (reader: XdrReader): number => reader.int32();
export const writeInt = (value: number): Buffer => new XdrWriter().int32(value).toBuffer();
export const readText = (reader: XdrReader): string => reader.string(stringBytesMax);
export const writeText = (value: string): Buffer => new XdrWriter().string(value).toBuffer();
export const readUint64 = (reader: XdrReader): bigint => reader.uint64();
export const writeUint64 = (value: bigint): Buffer => new XdrWriter().uint64(value).toBuffer();
