// One hand-built payload of every kind of answer and event that this client reads, with what it says.

import {
  readAllDomainStats,
  readAuthTypes,
  readControlInfo,
  readDomainState,
  readError,
  readInt,
  readLifecycleEvent,
  readListAllDomains,
  readRebootEvent,
  readText,
  readUint64,
} from "../../../src/libvirt/codec/messages.ts";
import type { XdrReader } from "../../../src/libvirt/codec/xdr.ts";
import { bytes, domainBytes, errorBytes, uuids } from "./bytes.ts";

export interface Sample {
  readonly kind: string;
  readonly payload: Buffer;
  readonly read: (reader: XdrReader) => unknown;
  readonly value: unknown;
}

const alpha = { name: "alpha", uuid: uuids.alpha, id: 7 };
const beta = { name: "b\u00e9ta", uuid: uuids.beta, id: -1 };
const alphaBytes = domainBytes("alpha", uuids.alpha, 7);
const betaBytes = domainBytes("b\u00e9ta", uuids.beta, -1);

const [int, uint, llong, ullong, double, boolean, text] = [1, 2, 3, 4, 5, 6, 7];

/** Parameters of every type beside the two that count; libvirt adds such without being asked. */
const oddParameters = bytes(
  bytes("a.uint", uint, 1, "a.llong", llong, 2n, "a.ullong", ullong, 3n),
  bytes("a.double", double, 4n, "a.boolean", boolean, 1, "a.text", text, "five5"),
);

export const samples: readonly Sample[] = [
  { kind: "auth list", payload: bytes(2, 0, 2), read: readAuthTypes, value: [0, 2] },
  {
    kind: "error",
    payload: errorBytes(42, 10, "Domain not found"),
    read: readError,
    value: { code: 42, domain: 10, message: "Domain not found" },
  },
  {
    kind: "error with a domain and a network",
    payload: bytes(38, 0, 0, 2, 1, alphaBytes, 0, 0, 0, 1, 2, 1, "net", Buffer.alloc(16)),
    read: readError,
    value: { code: 38, domain: 0, message: "libvirt error 38" },
  },
  {
    kind: "bulk stats",
    payload: bytes(
      bytes(2, alphaBytes, 2, "state.state", int, 1, "state.reason", int, 5),
      bytes(betaBytes, 8, "state.state", int, 5, oddParameters, "state.reason", int, 2),
    ),
    read: readAllDomainStats,
    value: [
      { ...alpha, state: 1, reason: 5 },
      { ...beta, state: 5, reason: 2 },
    ],
  },
  {
    kind: "list",
    payload: bytes(2, alphaBytes, betaBytes, 2),
    read: readListAllDomains,
    value: [alpha, beta],
  },
  {
    kind: "state",
    payload: bytes(3, 11),
    read: readDomainState,
    value: { state: 3, reason: 11 },
  },
  {
    kind: "control info",
    payload: bytes(2, 1, 12_345n),
    read: readControlInfo,
    value: { state: 2, details: 1, stateTimeMs: 12_345 },
  },
  { kind: "hostname", payload: bytes("host-1.example"), read: readText, value: "host-1.example" },
  { kind: "version", payload: bytes(9_000_000n), read: readUint64, value: 9_000_000n },
  { kind: "number", payload: bytes(-1), read: readInt, value: -1 },
  {
    kind: "lifecycle event",
    payload: bytes(3, alphaBytes, 5, 1),
    read: readLifecycleEvent,
    value: { kind: "lifecycle", callbackId: 3, domain: alpha, event: 5, detail: 1 },
  },
  {
    kind: "reboot event",
    payload: bytes(4, betaBytes),
    read: readRebootEvent,
    value: { kind: "reboot", callbackId: 4, domain: beta },
  },
];
