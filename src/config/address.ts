import { isIPv4, isIPv6 } from "node:net";
import { quote } from "./quote.ts";

// The two kinds of address that the API is served on.

/** Name of the JSON Schema format of a unix socket's path. */
export const socketPathFormat = "unix-socket-path";

// struct sockaddr_un holds 108 bytes (linux/un.h), and libraries want the last one to be a NUL.
const socketPathBytesMax = 107;

/** Why `path` cannot name a unix socket although it is a path, or undefined if it can. */
export function socketPathProblem(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= socketPathBytesMax) return undefined;
  return `a unix socket's path has at most ${socketPathBytesMax} bytes, this one has ${bytes}`;
}

/** Name of the JSON Schema format of the TCP address that the API may listen on. */
export const listenAddressFormat = "loopback-address-and-port";

/** A TCP address as `server.listen` takes it: an IPv6 host without brackets. */
export type ListenAddress = { readonly host: string; readonly port: number };

type Parsed =
  | { readonly kind: "address"; readonly address: ListenAddress }
  | { readonly kind: "refused"; readonly reason: string };

const shape = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^:[\]]+)):(?<port>0|[1-9]\d{0,4})$/;

/**
 * Takes "ADDRESS:PORT" or "[IPV6]:PORT" apart. Anything but a loopback address is refused, because
 * without authentication whoever reaches the port may tell the agent what not to report.
 */
function parseListenAddress(text: string): Parsed {
  const { bracketed, plain, port: digits } = shape.exec(text)?.groups ?? {};
  const port = Number(digits);
  const host = bracketed ?? plain;
  if (host === undefined || port > 65_535 || (bracketed !== undefined && !isIPv6(bracketed))) {
    return refused(`expected ADDRESS:PORT or [IPV6-ADDRESS]:PORT, found ${quote(text)}`);
  }
  if (!isLoopback(host)) {
    return refused(
      `${quote(host)} is not a loopback address, and as long as there is no authentication ` +
        "only 127.0.0.0/8, ::1 and localhost are allowed",
    );
  }
  return { kind: "address", address: { host, port } };
}

function refused(reason: string): Parsed {
  return { kind: "refused", reason };
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith("127.");
  // ::1 has other spellings, such as 0:0:0:0:0:0:0:1; a URL brings them to one. A zone (::1%lo) is
  // no URL, and no loopback address needs one.
  if (isIPv6(host)) return !host.includes("%") && new URL(`http://[${host}]`).hostname === "[::1]";
  return host === "localhost";
}

/** Why the API may not listen on `text`, or undefined if it may. */
export function listenAddressProblem(text: string): string | undefined {
  const parsed = parseListenAddress(text);
  return parsed.kind === "refused" ? parsed.reason : undefined;
}

/** Host and port of `http.listen`, which the configuration has validated; throws otherwise. */
export function listenAddress(text: string): ListenAddress {
  const parsed = parseListenAddress(text);
  if (parsed.kind === "refused") throw new Error(`cannot listen: ${parsed.reason}`);
  return parsed.address;
}
