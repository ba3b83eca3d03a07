// One client's connection to the simulated libvirtd: takes its calls off the wire, has them
// answered, and lets the faults spoil the answers.

import type { Socket } from "node:net";
import { encodeFrame, type Frame, FrameSplitter } from "../libvirt/codec/frame.ts";
import {
  type DomainEvent,
  decodePayload,
  readDomainAndFlags,
  readInt,
  writeError,
  writeLifecycleEvent,
  writeRebootEvent,
} from "../libvirt/codec/messages.ts";
import {
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
import { LibvirtConnectionError, LibvirtError } from "../libvirt/errors.ts";
import type { CallCounts } from "./call-counts.ts";
import type { Fault, Faults } from "./faults.ts";
import { errorDomains, type Host, RemoteProgram } from "./remote-program.ts";

/** When a client that asked for keepalive is asked for a sign of life, and when it is given up. */
export interface DaemonKeepalive {
  readonly intervalMs: number;
  readonly count: number;
}

/** What a session needs to know of its daemon. */
export interface Daemon extends Host {
  readonly faults: Faults;
  readonly calls: CallCounts;
  readonly keepalive: DaemonKeepalive;
}

const garbage = Buffer.from("GET / HTTP/1.1\r\nHost: not-libvirt\r\n\r\n");

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

/** Uuid of the one domain that a call is about. */
function domainOf({ procedure, payload }: Frame): string | undefined {
  if (procedure !== procedures.domainGetState) return undefined;
  try {
    return decodePayload(payload, readDomainAndFlags).domain.uuid;
  } catch {
    return undefined; // arguments that cannot be decoded: the answer will say so
  }
}

export class Session {
  readonly #socket: Socket;
  readonly #daemon: Daemon;
  readonly #program: RemoteProgram;
  readonly #splitter = new FrameSplitter();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** What must wait while an answer dribbles: bytes between its own would break the frame. */
  #waiting: Buffer[] | undefined;
  #keepaliveTimer: NodeJS.Timeout | undefined;
  #unansweredPings = 0;
  #isPaused = false;

  constructor(socket: Socket, daemon: Daemon) {
    this.#socket = socket;
    this.#daemon = daemon;
    this.#program = new RemoteProgram(daemon);
    socket.on("data", (chunk) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.once("close", () => {
      for (const timer of this.#timers) clearTimeout(timer);
      clearInterval(this.#keepaliveTimer);
    });
  }

  /** Reads and answers nothing until `resume`, like a stopped process. */
  pause(): void {
    if (this.#isPaused) return; // corks are counted
    this.#isPaused = true;
    this.#socket.pause();
    this.#socket.cork();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.uncork();
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Sends an event if the client registered for its kind. */
  event(event: DomainEvent): void {
    const callbackId = this.#program.callbackId(domainEventIds[event.kind]);
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
    this.#write(bytes);
  }

  #receive(chunk: Buffer): void {
    this.#unansweredPings = 0;
    this.#keepaliveTimer?.refresh();
    try {
      for (const call of this.#splitter.push(chunk)) this.#onFrame(call);
    } catch (error) {
      if (!(error instanceof LibvirtConnectionError)) throw error;
      this.close(); // as libvirtd does with a client that breaks the protocol
    }
  }

  #onFrame(call: Frame): void {
    if (call.program === programs.keepalive) {
      if (call.procedure !== keepaliveProcedures.ping) return;
      this.#keepalive(keepaliveProcedures.pong);
      return;
    }
    if (call.type !== frameTypes.call) return;
    this.#daemon.calls.began(call.procedure);
    const met = this.#daemon.faults.next(call.procedure, domainOf(call));
    const fault = met?.fault;
    if (fault?.kind === "hang") return;
    if (met?.fault.kind === "hold") {
      void met.over.then(() => {
        if (this.#socket.destroyed) this.#daemon.calls.ended(call.procedure);
        else this.#answer(call, undefined);
      });
      return;
    }
    if (fault?.kind === "delay") this.#later(fault.ms, () => this.#answer(call, fault));
    else this.#answer(call, fault);
  }

  #answer(call: Frame, fault: Fault | undefined): void {
    this.#daemon.calls.ended(call.procedure);
    let reply: Buffer;
    try {
      if (fault?.kind === "error")
        throw new LibvirtError(fault.code, errorDomains.rpc, fault.message);
      const domainsMax = fault?.kind === "partial" ? fault.domains : undefined;
      const payload = this.#program.perform(call, domainsMax);
      reply = frame(programs.remote, call.procedure, frameTypes.reply, call.serial, payload);
      this.#followUp(call, payload);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      const payload = writeError(error);
      reply = frame(programs.remote, call.procedure, frameTypes.reply, call.serial, payload, 1);
    }
    this.#deliver(reply, fault);
    if (call.procedure === procedures.connectClose) this.#socket.end();
  }

  /** A client that asks for the keepalive feature, and hears that it is there, speaks it too. */
  #followUp(call: Frame, answer: Buffer | undefined): void {
    if (call.procedure !== procedures.connectSupportsFeature || answer === undefined) return;
    const isKeepalive = decodePayload(call.payload, readInt) === featureProgramKeepalive;
    if (!isKeepalive || this.#keepaliveTimer !== undefined) return;
    const { intervalMs } = this.#daemon.keepalive;
    this.#keepaliveTimer = setInterval(() => this.#keepaliveTick(), intervalMs);
  }

  #keepaliveTick(): void {
    if (this.#isPaused) return;
    if (this.#unansweredPings >= this.#daemon.keepalive.count) {
      this.close();
      return;
    }
    this.#unansweredPings += 1;
    this.ping();
  }

  #deliver(reply: Buffer, fault: Fault | undefined): void {
    switch (fault?.kind) {
      case "drop":
        this.close();
        return;
      case "garbage":
        this.#write(garbage);
        return;
      case "cut":
        this.#socket.end(reply.subarray(0, Math.min(fault.afterBytes, reply.length - 1)));
        return;
      case "dribble":
        this.#dribble(reply);
        return;
      default:
        this.#write(reply);
    }
  }

  #write(bytes: Buffer): void {
    if (this.#waiting === undefined) this.#socket.write(bytes);
    else this.#waiting.push(bytes);
  }

  #dribble(bytes: Buffer): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(bytes);
      return;
    }
    this.#waiting = [];
    this.#dribbleFrom(bytes, 0);
  }

  #dribbleFrom(bytes: Buffer, at: number): void {
    if (this.#socket.destroyed) return;
    if (at < bytes.length) {
      this.#socket.write(bytes.subarray(at, at + 1), () => {
        setImmediate(() => this.#dribbleFrom(bytes, at + 1));
      });
      return;
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const next of waiting) this.#write(next);
  }

  #message(procedure: number, payload: Buffer): void {
    this.#write(frame(programs.remote, procedure, frameTypes.message, 0, payload));
  }

  #keepalive(procedure: number): void {
    this.#write(frame(programs.keepalive, procedure, frameTypes.message, 0));
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#socket.destroyed) action();
    }, ms);
    this.#timers.add(timer);
  }
}
