// One client's connection to the simulated libvirtd: decodes its calls, answers them from the
// domains, and lets the faults spoil the answers.

import type { Socket } from "node:net";
import { encodeFrame, type Frame, FrameSplitter } from "../libvirt/codec/frame.ts";
import {
  type DomainEvent,
  decodePayload,
  readAllDomainStatsArguments,
  readConnectOpen,
  readDomainAndFlags,
  readEventRegistration,
  readInt,
  readListAllDomainsArguments,
  writeAllDomainStats,
  writeAuthTypes,
  writeControlInfo,
  writeDomainState,
  writeError,
  writeInt,
  writeLifecycleEvent,
  writeListAllDomains,
  writeRebootEvent,
  writeText,
  writeUint64,
} from "../libvirt/codec/messages.ts";
import {
  authTypes,
  domainEventIds,
  type FrameStatus,
  type FrameType,
  featureProgramKeepalive,
  frameStatuses,
  frameTypes,
  keepaliveProcedures,
  procedures,
  programs,
} from "../libvirt/codec/protocol.ts";
import type { SimulatedDomains } from "./domains.ts";
import type { Fault, Faults } from "./faults.ts";

/** What a session needs to know of its daemon. */
export interface Daemon {
  readonly domains: SimulatedDomains;
  readonly faults: Faults;
  readonly hostname: string;
  /** Ways to authenticate that are offered; 0 is none, 2 polkit. */
  readonly authTypes: readonly number[];
  readonly calls: CallCounts;
}

/** Calls received so far, and how many of a procedure were ever in flight together. */
export class CallCounts {
  readonly #received = new Map<number, number>();
  readonly #inFlight = new Map<number, number>();
  readonly #peak = new Map<number, number>();

  began(procedure: number): void {
    const inFlight = (this.#inFlight.get(procedure) ?? 0) + 1;
    this.#received.set(procedure, this.received(procedure) + 1);
    this.#inFlight.set(procedure, inFlight);
    this.#peak.set(procedure, Math.max(this.peak(procedure), inFlight));
  }

  ended(procedure: number): void {
    this.#inFlight.set(procedure, (this.#inFlight.get(procedure) ?? 0) - 1);
  }

  received(procedure: number): number {
    return this.#received.get(procedure) ?? 0;
  }

  peak(procedure: number): number {
    return this.#peak.get(procedure) ?? 0;
  }
}

/** libvirt 9.0.0 as virConnectGetLibVersion says it. */
const libraryVersion = 9_000_000n;
const eventCallbackFirst = 1;
const garbage = Buffer.from("GET / HTTP/1.1\r\nHost: not-libvirt\r\n\r\n");

class CallError extends Error {
  readonly code: number;
  readonly domain: number;

  constructor(code: number, domain: number, message: string) {
    super(message);
    this.code = code;
    this.domain = domain;
  }
}

const errorDomains = { rpc: 7, qemu: 10, access: 24, polkit: 60 } as const;
const noDomain = (uuid: string): CallError =>
  new CallError(42, errorDomains.qemu, `Domain not found: no domain with matching uuid '${uuid}'`);

function frame(
  program: number,
  procedure: number,
  type: FrameType,
  serial: number,
  payload?: Buffer,
  status: FrameStatus = frameStatuses.ok,
): Buffer {
  return encodeFrame({ program, procedure, type, serial, status }, payload);
}

export class Session {
  readonly #socket: Socket;
  readonly #daemon: Daemon;
  readonly #splitter = new FrameSplitter();
  readonly #callbacks = new Map<number, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #isAuthenticated = false;
  #isOpen = false;

  constructor(socket: Socket, daemon: Daemon) {
    this.#socket = socket;
    this.#daemon = daemon;
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.once("close", () => {
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  /** Reads and answers nothing until `resume`, like a stopped process. */
  pause(): void {
    this.#socket.pause();
    this.#socket.cork();
  }

  resume(): void {
    this.#socket.uncork();
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends an event if the client registered for its kind. */
  event(event: DomainEvent): void {
    const eventId = domainEventIds[event.kind];
    const callbackId = this.#callbacks.get(eventId);
    if (callbackId === undefined) return;
    if (event.kind === "lifecycle") {
      const payload = writeLifecycleEvent({ ...event, callbackId });
      this.#message(procedures.domainEventCallbackLifecycle, payload);
    } else {
      const payload = writeRebootEvent({ ...event, callbackId });
      this.#message(procedures.domainEventCallbackReboot, payload);
    }
  }

  /** Asks the client for a sign of life. */
  ping(): void {
    this.#keepalive(keepaliveProcedures.ping);
  }

  /** Writes raw bytes to the client, for tests of what it does with them. */
  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#splitter.push(chunk)) this.#onFrame(frame);
    } catch {
      this.close(); // as libvirtd does with a client that breaks the protocol
    }
  }

  #onFrame(call: Frame): void {
    if (call.program === programs.keepalive) {
      if (call.procedure !== keepaliveProcedures.ping) return;
      this.#keepalive(keepaliveProcedures.pong);
      return;
    }
    this.#daemon.calls.began(call.procedure);
    const fault = this.#daemon.faults.next(call.procedure);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "delay") this.#later(fault.ms, () => this.#answer(call, fault));
    else this.#answer(call, fault);
  }

  #answer(call: Frame, fault: Fault | undefined): void {
    this.#daemon.calls.ended(call.procedure);
    let reply: Buffer;
    try {
      if (fault?.kind === "error") throw new CallError(fault.code, errorDomains.rpc, fault.message);
      const payload = this.#perform(call, fault?.kind === "partial" ? fault.domains : undefined);
      reply = frame(programs.remote, call.procedure, frameTypes.reply, call.serial, payload);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const payload = writeError(error);
      reply = frame(programs.remote, call.procedure, frameTypes.reply, call.serial, payload, 1);
    }
    this.#deliver(reply, fault);
  }

  #deliver(reply: Buffer, fault: Fault | undefined): void {
    switch (fault?.kind) {
      case "drop":
        this.close();
        return;
      case "garbage":
        this.#socket.write(garbage);
        return;
      case "cut":
        this.#socket.end(reply.subarray(0, Math.min(fault.afterBytes, reply.length - 1)));
        return;
      case "dribble":
        this.#dribble(reply, 0);
        return;
      default:
        this.#socket.write(reply);
    }
  }

  #dribble(bytes: Buffer, at: number): void {
    if (at >= bytes.length || this.#socket.destroyed) return;
    this.#socket.write(bytes.subarray(at, at + 1), () => {
      setImmediate(() => this.#dribble(bytes, at + 1));
    });
  }

  #perform(frame: Frame, domainsMax: number | undefined): Buffer | undefined {
    const { procedure, payload } = frame;
    switch (procedure) {
      case procedures.authList:
        return writeAuthTypes(this.#daemon.authTypes);
      case procedures.authPolkit:
        this.#isAuthenticated = true;
        return writeInt(1);
      case procedures.connectOpen:
        decodePayload(payload, readConnectOpen);
        this.#demandAuthentication();
        this.#isOpen = true;
        return undefined;
      case procedures.connectClose:
        return undefined;
      case procedures.connectSupportsFeature:
        return writeInt(decodePayload(payload, readInt) === featureProgramKeepalive ? 1 : 0);
      default:
        if (!this.#isOpen) throw new CallError(1, errorDomains.rpc, "connection not open");
        return this.#performOpen(frame, domainsMax);
    }
  }

  #performOpen({ procedure, payload }: Frame, domainsMax: number | undefined): Buffer | undefined {
    const { domains, hostname } = this.#daemon;
    switch (procedure) {
      case procedures.connectGetHostname:
        return writeText(hostname);
      case procedures.connectGetLibVersion:
        return writeUint64(libraryVersion);
      case procedures.connectListAllDomains:
        decodePayload(payload, readListAllDomainsArguments);
        return writeListAllDomains(domains.records().slice(0, domainsMax));
      case procedures.connectGetAllDomainStats:
        decodePayload(payload, readAllDomainStatsArguments);
        return writeAllDomainStats(domains.records().slice(0, domainsMax));
      case procedures.domainGetState:
        return writeDomainState(this.#domainOf(payload));
      case procedures.domainGetControlInfo:
        if (this.#domainOf(payload).id === -1) {
          throw new CallError(55, errorDomains.qemu, "domain is not running");
        }
        return writeControlInfo({ state: 0, details: 0, stateTimeMs: 0 });
      case procedures.connectDomainEventCallbackRegisterAny: {
        const { eventId } = decodePayload(payload, readEventRegistration);
        const callbackId = eventCallbackFirst + this.#callbacks.size;
        this.#callbacks.set(eventId, callbackId);
        return writeInt(callbackId);
      }
      default:
        throw new CallError(39, errorDomains.rpc, `unknown procedure: ${procedure}`);
    }
  }

  #demandAuthentication(): void {
    const offered = this.#daemon.authTypes;
    if (offered.includes(authTypes.none) || this.#isAuthenticated) return;
    throw new CallError(45, errorDomains.rpc, "authentication failed: authentication required");
  }

  #domainOf(payload: Buffer): { id: number; state: number; reason: number } {
    const { domain } = decodePayload(payload, readDomainAndFlags);
    const found = this.#daemon.domains.find(domain.uuid);
    if (found === undefined) throw noDomain(domain.uuid);
    return found;
  }

  #message(procedure: number, payload: Buffer): void {
    this.#socket.write(frame(programs.remote, procedure, frameTypes.message, 0, payload));
  }

  #keepalive(procedure: number): void {
    this.#socket.write(frame(programs.keepalive, procedure, frameTypes.message, 0));
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#socket.destroyed) action();
    }, ms);
    this.#timers.add(timer);
  }
}
