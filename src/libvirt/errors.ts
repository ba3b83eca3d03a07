// The two ways in which a libvirt call fails: libvirt answered with an error of its own
// (LibvirtError), or no answer can be had (LibvirtConnectionError). Callers branch on `code`.

/** Error codes of libvirt that a caller may want to tell apart (virterror.h, virErrorNumber). */
export const libvirtErrorCodes = {
  internalError: 1,
  operationDenied: 29,
  systemCall: 38,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  authCancelled: 79,
  authUnavailable: 94,
} as const;

/** An error that libvirt itself answered; the connection stays usable. */
export class LibvirtError extends Error {
  override readonly name = "LibvirtError";
  /** Number of the error, `virErrorNumber` in virterror.h. */
  readonly code: number;
  /** Part of libvirt that raised it, `virErrorDomain` in virterror.h. */
  readonly domain: number;

  constructor(code: number, domain: number, message: string) {
    super(message);
    this.code = code;
    this.domain = domain;
  }
}

/** Why a connection gave no answer; a closed set. */
export const connectionErrorCodes = [
  "no-socket",
  "connect-failed",
  "permission-denied",
  "authentication-refused",
  "authentication-unsupported",
  "protocol-error",
  "connection-lost",
  "keepalive-lost",
  "timeout",
  "closed",
] as const;
export type ConnectionErrorCode = (typeof connectionErrorCodes)[number];

/** No answer can be had from libvirt; says nothing about any domain. */
export class LibvirtConnectionError extends Error {
  override readonly name = "LibvirtConnectionError";
  readonly code: ConnectionErrorCode;

  constructor(code: ConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The bytes received break the protocol. The connection that they came on must be closed. */
export function protocolError(what: string): LibvirtConnectionError {
  return new LibvirtConnectionError("protocol-error", `cannot decode libvirt's answer: ${what}`);
}
