// Where the application is served: a unix socket for the operator, and TCP when configured.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";

/** Group may connect, others may not. */
const socketMode = 0o660;

export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface Listener {
  /** A path, or ADDRESS:PORT with the port that was given. */
  readonly address: string;
  /** Stops accepting, waits for what is in flight. */
  close(): Promise<void>;
}

/**
 * Serves a ready application at one address.
 *
 * @throws Error "cannot listen on ADDRESS: ..."
 */
export async function listen(app: FastifyInstance, where: ListenAddress): Promise<Listener> {
  const server = createServer((request, response) => app.routing(request, response));
  try {
    if (where.kind === "unix") await listenOnSocket(server, where.path);
    else await begin(server, () => server.listen(where.port, where.host));
  } catch (error) {
    const name = where.kind === "unix" ? where.path : `${where.host}:${where.port}`;
    throw new Error(`cannot listen on ${name}: ${listenRemedy(error as NodeJS.ErrnoException)}`, {
      cause: error,
    });
  }
  return { address: addressText(server), close: () => close(server) };
}

async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  mkdirSync(path.dirname(socketPath), { recursive: true });
  if (isSocket(socketPath)) {
    if (await isServed(socketPath))
      throw new Error("another agent serves it already; stop that one");
    rmSync(socketPath);
  }
  await begin(server, () => {
    // The mode is right from the first moment: a chmod afterwards would leave a gap.
    const umask = process.umask(0o777 & ~socketMode);
    server.listen(socketPath);
    process.umask(umask);
  });
}

function begin(server: Server, start: () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.once("listening", () => {
    server.off("error", reject);
    resolve();
  });
  start();
  return promise;
}

function isSocket(socketPath: string): boolean {
  const stat = statSync(socketPath, { throwIfNoEntry: false });
  if (stat === undefined) return false;
  if (!stat.isSocket()) throw new Error("a file that is no socket is there; remove it");
  return true;
}

/** Whether someone answers on a socket; one that nobody serves is left over from a crash. */
function isServed(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketPath });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function listenRemedy(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EACCES":
      return "permission denied; the folder must be writable for this user";
    case "EADDRINUSE":
      return "the address is in use; stop what uses it, or configure another";
    case "EADDRNOTAVAIL":
      return "this host has no such address";
    default:
      return error.message;
  }
}

function addressText(server: Server): string {
  const address = server.address() as AddressInfo | string;
  if (typeof address === "string") return address;
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `${host}:${address.port}`;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  await promise;
}
