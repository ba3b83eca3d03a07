// Typed calls of libvirt's remote program over one connection, opened read-only.
//
// The agent never starts, stops or changes a domain: there is no call here that could.

import {
  type ControlInfo,
  type DomainEvent,
  type DomainRef,
  type DomainState,
  type DomainStateRecord,
  decodePayload,
  readAllDomainStats,
  readAuthTypes,
  readControlInfo,
  readDomainState,
  readInt,
  readLifecycleEvent,
  readListAllDomains,
  readRebootEvent,
  readText,
  readUint64,
  writeAllDomainStatsArguments,
  writeConnectOpen,
  writeDomainAndFlags,
  writeEventRegistration,
  writeInt,
  writeListAllDomainsArguments,
} from "./codec/messages.ts";
import {
  authTypes,
  connectReadOnly,
  domainEventIds,
  featureProgramKeepalive,
  type Procedure,
  procedures,
  statsGroupState,
} from "./codec/protocol.ts";
import type { XdrReader } from "./codec/xdr.ts";
import { Connection, type KeepaliveOptions } from "./connection.ts";
import {
  LibvirtConnectionError,
  LibvirtError,
  libvirtErrorCodes,
  protocolError,
} from "./errors.ts";
import { openUnixTransport, type Transport } from "./transport.ts";

export interface LibvirtClientOptions {
  /** Limit on connecting and on each call that does not say otherwise. */
  readonly stepLimitMs: number;
  readonly keepalive: KeepaliveOptions;
  /** Receives domain events; without it none are registered for. */
  readonly onDomainEvent?: (event: DomainEvent) => void;
  /** The driver to open, `qemu:///system` by default. */
  readonly uri?: string;
}

/** Version of the libvirt library: 9.0.0 is major 9, minor 0, release 0. */
export interface LibraryVersion {
  readonly major: number;
  readonly minor: number;
  readonly release: number;
}

/**
 * As the limit of a call: it has none, its caller bounds the wait itself and learns when libvirt is
 * done with the call. Of a call that ran into its limit nobody learns that.
 */
export const boundedByCaller = Number.POSITIVE_INFINITY;

/** Names a domain for a call; libvirt looks it up by uuid, name and id may be stale. */
export type DomainKey = Pick<DomainRef, "uuid"> & Partial<DomainRef>;

/**
 * One open connection to libvirt, read-only.
 *
 * Every call rejects with LibvirtError if libvirt answered with an error (the connection stays
 * usable), or with LibvirtConnectionError: `timeout` if the call ran into its limit (the connection
 * stays usable, and the late answer is dropped; after 32 unanswered calls it is given up),
 * `protocol-error` if the answer could not be decoded, or the cause for which the connection died.
 * No error says anything about a domain, but LibvirtError 42: there is none with that uuid.
 */
export class LibvirtClient implements Disposable {
  readonly #connection: Connection;
  readonly #stepLimitMs: number;

  private constructor(connection: Connection, stepLimitMs: number) {
    this.#connection = connection;
    this.#stepLimitMs = stepLimitMs;
  }

  /**
   * Connects to a socket of libvirtd or virtqemud, authenticates, opens the driver read-only,
   * starts keepalive where the daemon supports it and registers for events, in this order: events
   * are flowing before the caller can ask for its first list.
   *
   * @param signal ends the connection, or the attempt to open one, when it is aborted
   * @throws LibvirtConnectionError `no-socket`, `permission-denied`, `connect-failed`,
   *   `authentication-refused`, `authentication-unsupported`, `timeout`, `protocol-error`,
   *   `connection-lost`, `closed`; LibvirtError if libvirt refuses to open the driver
   */
  static async connect(
    path: string,
    options: LibvirtClientOptions,
    signal?: AbortSignal,
  ): Promise<LibvirtClient> {
    const transport = await openUnixTransport(path, options.stepLimitMs, signal);
    return LibvirtClient.over(transport, options);
  }

  /** Like `connect`, over a stream that is already open; closes it if anything fails. */
  static async over(transport: Transport, options: LibvirtClientOptions): Promise<LibvirtClient> {
    const onMessage = (procedure: number, payload: Buffer): void => {
      const event = decodeEvent(procedure, payload); // also when nobody listens
      options.onDomainEvent?.(event);
    };
    const connection = new Connection(transport, onMessage);
    const client = new LibvirtClient(connection, options.stepLimitMs);
    try {
      await client.#authenticate();
      await client.#callVoid(
        procedures.connectOpen,
        writeConnectOpen(options.uri ?? "qemu:///system", connectReadOnly),
      );
      if (await client.#supportsFeature(featureProgramKeepalive)) {
        connection.startKeepalive(options.keepalive);
      }
      if (options.onDomainEvent !== undefined) {
        await client.#registerForEvents(domainEventIds.lifecycle);
        await client.#registerForEvents(domainEventIds.reboot);
      }
      return client;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Resolves with the cause when the connection has died; never rejects. */
  get closed(): Promise<LibvirtConnectionError> {
    return this.#connection.closed;
  }

  /** Calls that ran into their limit and that libvirt still works on. */
  get abandonedCalls(): number {
    return this.#connection.abandonedCalls;
  }

  /** Version of the libvirt library; answered without a lock on any domain. */
  async libraryVersion(limitMs = this.#stepLimitMs): Promise<LibraryVersion> {
    const { connectGetLibVersion } = procedures;
    const number = Number(await this.#call(connectGetLibVersion, readUint64, undefined, limitMs));
    return {
      major: Math.floor(number / 1_000_000),
      minor: Math.floor(number / 1_000) % 1_000,
      release: number % 1_000,
    };
  }

  /** Host name as libvirt knows it. */
  hostname(): Promise<string> {
    return this.#call(procedures.connectGetHostname, readText);
  }

  /**
   * Name, uuid, id, state and reason of every domain, active or not, in one round trip.
   *
   * One domain that is being destroyed can block this call for 80 s, and a call that is given up
   * keeps its worker in libvirtd; so it has no limit of its own. Wait for it no longer than you
   * must, and do not make a second one before it has settled.
   */
  allDomainStates(): Promise<DomainStateRecord[]> {
    const everyDomain = 0;
    const payload = writeAllDomainStatsArguments(statsGroupState, everyDomain);
    const { connectGetAllDomainStats } = procedures;
    return this.#call(connectGetAllDomainStats, readAllDomainStats, payload, boundedByCaller);
  }

  /** Name, uuid and id of every domain, active or not. */
  listAllDomains(): Promise<DomainRef[]> {
    const everyDomain = 0;
    const payload = writeListAllDomainsArguments(everyDomain);
    return this.#call(procedures.connectListAllDomains, readListAllDomains, payload);
  }

  /** State and reason of one domain. Throws LibvirtError 42 if there is none with this uuid. */
  async domainState(domain: DomainKey, limitMs = this.#stepLimitMs): Promise<DomainState> {
    const payload = writeDomainAndFlags(domainRef(domain), 0);
    return this.#call(procedures.domainGetState, readDomainState, payload, limitMs);
  }

  /**
   * Whether libvirt's line to the QEMU of one running domain works: state 0 ok, 1 a job runs, 2
   * occupied (stuck), 3 error. Throws LibvirtError 55 if the domain does not run.
   */
  async controlInfo(domain: DomainKey): Promise<ControlInfo> {
    const payload = writeDomainAndFlags(domainRef(domain), 0);
    return this.#call(procedures.domainGetControlInfo, readControlInfo, payload);
  }

  /** Ends the connection at once; pending calls are rejected with code `closed`. */
  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #authenticate(): Promise<void> {
    const offered = await this.#call(procedures.authList, readAuthTypes);
    if (offered.length === 0 || offered.includes(authTypes.none)) return;
    if (!offered.includes(authTypes.polkit)) {
      const text = `cannot authenticate with libvirt: it offers only the types ${offered.join(", ")}, this client speaks none (0) and polkit (2); set auth_unix_ro in libvirtd.conf or virtqemud.conf`;
      throw new LibvirtConnectionError("authentication-unsupported", text);
    }
    try {
      await this.#call(procedures.authPolkit, readInt);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      throw polkitRefusal(error);
    }
  }

  async #supportsFeature(feature: number): Promise<boolean> {
    const { connectSupportsFeature } = procedures;
    return (await this.#call(connectSupportsFeature, readInt, writeInt(feature))) === 1;
  }

  async #registerForEvents(eventId: number): Promise<void> {
    const { connectDomainEventCallbackRegisterAny } = procedures;
    const payload = writeEventRegistration(eventId);
    await this.#call(connectDomainEventCallbackRegisterAny, readInt, payload);
  }

  #callVoid(procedure: Procedure, payload?: Buffer): Promise<void> {
    return this.#call(procedure, () => {}, payload);
  }

  async #call<T>(
    procedure: Procedure,
    read: (from: XdrReader) => T,
    payload?: Buffer,
    limitMs = this.#stepLimitMs,
  ): Promise<T> {
    const limit = limitMs === boundedByCaller ? undefined : limitMs;
    const answer = await this.#connection.call(procedure, payload, limit);
    try {
      return decodePayload(answer, read);
    } catch (error) {
      if (error instanceof LibvirtConnectionError) this.#connection.fail(error);
      throw error;
    }
  }
}

function domainRef(domain: DomainKey): DomainRef {
  return { name: "", id: -1, ...domain };
}

function decodeEvent(procedure: number, payload: Buffer): DomainEvent {
  switch (procedure) {
    case procedures.domainEventCallbackLifecycle:
      return decodePayload(payload, readLifecycleEvent);
    case procedures.domainEventCallbackReboot:
      return decodePayload(payload, readRebootEvent);
    default:
      throw protocolError(`a message of unknown procedure ${procedure}`);
  }
}

function polkitRefusal(cause: LibvirtError): LibvirtConnectionError {
  const { authFailed, authCancelled, authUnavailable } = libvirtErrorCodes;
  // "Unavailable" is the agent that could ask for a password. polkit or the system bus out of reach
  // is an error of another kind (1 of the bus, in libvirt 9), and libvirt does not look again.
  const refusals: readonly number[] = [authFailed, authCancelled, authUnavailable];
  const [what, remedy] = refusals.includes(cause.code)
    ? ["polkit refused", "allow org.libvirt.unix.monitor for this user in a polkit rule"]
    : [
        `libvirt could not ask polkit (code ${cause.code})`,
        "start the system bus and polkit, then restart libvirt",
      ];
  const text = `cannot authenticate with libvirt: ${what}: ${cause.message}; ${remedy}`;
  return new LibvirtConnectionError("authentication-refused", text, { cause });
}
