// libvirt's remote program as one client sees it: what must come before what, and the answers, with
// the error codes and domains that a real libvirtd (9.0) gives.

import type { Frame } from "../libvirt/codec/frame.ts";
import {
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
  writeInt,
  writeListAllDomains,
  writeText,
  writeUint64,
} from "../libvirt/codec/messages.ts";
import { authTypes, featureProgramKeepalive, procedures } from "../libvirt/codec/protocol.ts";
import type { XdrReader } from "../libvirt/codec/xdr.ts";
import { LibvirtConnectionError, LibvirtError, libvirtErrorCodes } from "../libvirt/errors.ts";
import type { SimulatedDomains } from "./domains.ts";

/** What the program answers from. */
export interface Host {
  readonly domains: SimulatedDomains;
  readonly hostname: string;
  /** Ways to authenticate that are offered; 0 is none, 2 polkit. */
  readonly authTypes: readonly number[];
}

/** Parts of libvirt that raise the errors here (virterror.h, virErrorDomain). */
export const errorDomains = { rpc: 7, qemu: 10, domain: 20 } as const;

/** libvirt 9.0.0 as virConnectGetLibVersion says it. */
const libraryVersion = 9_000_000n;

export class RemoteProgram {
  readonly #host: Host;
  /** Callback ids by kind of event. */
  readonly #callbacks = new Map<number, number>();
  #isAuthenticated = false;
  #isOpen = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Number under which the client registered for a kind of event, undefined if it did not. */
  callbackId(eventId: number): number | undefined {
    return this.#callbacks.get(eventId);
  }

  /**
   * The payload of the answer.
   *
   * @param domainsMax how many domains a list is to name
   * @throws LibvirtError
   */
  perform(call: Frame, domainsMax: number | undefined): Buffer | undefined {
    const { authTypes: offered } = this.#host;
    switch (call.procedure) {
      case procedures.authList:
        // As a real one does with root: asking is enough where nothing is demanded.
        if (offered.includes(authTypes.none)) this.#isAuthenticated = true;
        return writeAuthTypes(offered);
      case procedures.authPolkit:
        this.#isAuthenticated = true;
        return writeInt(1);
      default:
        if (!this.#isAuthenticated) {
          throw new LibvirtError(
            libvirtErrorCodes.rpc,
            errorDomains.rpc,
            "authentication required",
          );
        }
        return this.#performAuthenticated(call, domainsMax);
    }
  }

  #performAuthenticated(call: Frame, domainsMax: number | undefined): Buffer | undefined {
    switch (call.procedure) {
      case procedures.connectOpen:
        decodeArguments(call, readConnectOpen);
        this.#isOpen = !this.#isOpen; // a second one is refused, and undoes the first
        if (!this.#isOpen) throw internalError("connection already open");
        return undefined;
      case procedures.connectClose:
        return undefined;
      case procedures.connectSupportsFeature:
        return writeInt(decodeArguments(call, readInt) === featureProgramKeepalive ? 1 : 0);
      default:
        return this.#performOpen(call, domainsMax);
    }
  }

  #performOpen(call: Frame, domainsMax: number | undefined): Buffer | undefined {
    switch (call.procedure) {
      case procedures.connectGetHostname:
        this.#demandOpen();
        return writeText(this.#host.hostname);
      case procedures.connectGetLibVersion:
        this.#demandOpen();
        return writeUint64(libraryVersion);
      case procedures.connectListAllDomains:
        decodeArguments(call, readListAllDomainsArguments);
        return writeListAllDomains(this.#records(domainsMax));
      case procedures.connectGetAllDomainStats:
        decodeArguments(call, readAllDomainStatsArguments);
        return writeAllDomainStats(this.#records(domainsMax));
      case procedures.domainGetState:
        return writeDomainState(this.#domainOf(call));
      case procedures.domainGetControlInfo:
        if (this.#domainOf(call).id === -1) {
          const text = "Requested operation is not valid: domain is not running";
          throw new LibvirtError(libvirtErrorCodes.operationInvalid, errorDomains.domain, text);
        }
        return writeControlInfo({ state: 0, details: 0, stateTimeMs: 0 });
      case procedures.connectDomainEventCallbackRegisterAny: {
        const { eventId } = decodeArguments(call, readEventRegistration);
        this.#demandOpen();
        const callbackId = this.#callbacks.size;
        this.#callbacks.set(eventId, callbackId);
        return writeInt(callbackId);
      }
      default:
        throw new LibvirtError(
          libvirtErrorCodes.rpc,
          errorDomains.rpc,
          `unknown procedure: ${call.procedure}`,
        );
    }
  }

  #demandOpen(): void {
    if (!this.#isOpen) throw internalError("hypervisor connection not open");
  }

  #records(domainsMax: number | undefined) {
    this.#demandOpen();
    return this.#host.domains.records().slice(0, domainsMax);
  }

  #domainOf(call: Frame): { id: number; state: number; reason: number } {
    const { domain } = decodeArguments(call, readDomainAndFlags);
    this.#demandOpen();
    const found = this.#host.domains.find(domain.uuid);
    if (found !== undefined) return found;
    const text = `Domain not found: no domain with matching uuid '${domain.uuid}' (${domain.name})`;
    throw new LibvirtError(libvirtErrorCodes.noDomain, errorDomains.qemu, text);
  }
}

function internalError(text: string): LibvirtError {
  return new LibvirtError(
    libvirtErrorCodes.internalError,
    errorDomains.rpc,
    `internal error: ${text}`,
  );
}

function decodeArguments<T>(call: Frame, read: (reader: XdrReader) => T): T {
  try {
    return decodePayload(call.payload, read);
  } catch (error) {
    if (!(error instanceof LibvirtConnectionError)) throw error;
    throw new LibvirtError(
      libvirtErrorCodes.rpc,
      errorDomains.rpc,
      "Unable to decode message payload",
    );
  }
}
