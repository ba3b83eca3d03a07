// Where the application is served: a unix socket for the operator, and TCP when configured.

import { mkdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { OpenConnections } from "./open-connections.ts";
import { ProblemError } from "./problem.ts";
import { problemMediaType } from "./schema/problem.ts";

/** Group may connect, others may not. */
const socketMode = 0o660;

export type ListenAddress =
  | {
      readonly kind: "unix";
      readonly path: string;
      /** Where the path was set, for the errors. */
      readonly setBy?: string | undefined;
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

export interface Listener {
  /** A path, or ADDRESS:PORT with the port that was given. */
  readonly address: string;
  /** Stops accepting, and answers what is in flight. */
  close(): Promise<void>;
}

/** An answer takes 20.5 s at most: twice the largest observation limit, and half a second. */
const closeLimitMs = 21_000;

/**
 * Serves a ready application at one address.
 *
 * @throws Error "cannot listen on ADDRESS: ..."
 */
export async function listen(
  app: FastifyInstance,
  where: ListenAddress,
  limits: { readonly closeMs: number } = { closeMs: closeLimitMs },
): Promise<Listener> {
  const server = createServer();
  const connections = new OpenConnections(server);
  server.on("request", (request, response) => {
    // Its report would be filtered now and sent behind the answer ahead of it, and a claim that
    // came meanwhile be missed (G1).
    if (connections.isOvertaking(response)) refusePipelined(response);
    else app.routing(request, response);
  });
  server.on("clientError", (error, socket: Socket) => {
    // Into an answer that is under way no other can be put.
    if (connections.isAnswering(socket)) socket.destroy();
    else refuseUnreadable(error, socket);
  });
  try {
    if (where.kind === "unix") await listenOnSocket(server, where.path);
    else await begin(server, () => server.listen(where.port, where.host));
  } catch (error) {
    throw cannotListen(where, error as NodeJS.ErrnoException);
  }
  return { address: addressText(server), close: () => connections.close(limits.closeMs) };
}

/**
 * Refuses a socket that another agent serves, before anything else is begun.
 *
 * @throws Error "cannot listen on ADDRESS: ..."
 */
export async function refuseServed(where: ListenAddress): Promise<void> {
  if (where.kind !== "unix") return;
  try {
    if (isSocket(where.path) && (await isServed(where.path))) throw served();
  } catch (error) {
    throw cannotListen(where, error as NodeJS.ErrnoException);
  }
}

function cannotListen(where: ListenAddress, cause: NodeJS.ErrnoException): Error {
  const name = where.kind === "unix" ? where.path : `${where.host}:${where.port}`;
  const setBy = where.kind === "unix" ? where.setBy : undefined;
  const source = setBy === undefined ? "" : ` (set by ${setBy})`;
  return new Error(`cannot listen on ${name}${source}: ${listenRemedy(cause)}`, { cause });
}

function served(): Error {
  return new Error(
    "another agent serves it already; stop that one, or configure another socket for this one",
  );
}

function refusePipelined(response: ServerResponse): void {
  const detail = "cannot answer a request before the one ahead of it: wait for each answer";
  const { problem } = new ProblemError("invalid-request", detail);
  response.writeHead(problem.status, { "content-type": problemMediaType });
  response.end(JSON.stringify(problem));
}

/** Time to read a refusal in, before the connection is cut. */
const refusedLingerMs = 1_000;

/** What Node cannot read as HTTP never reaches the application, and is refused in its words. */
function refuseUnreadable({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { problem } =
    code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? new ProblemError("request-timeout", "cannot read the request: it did not arrive in time")
      : new ProblemError("invalid-request", `cannot read the request: it is not HTTP (${code})`);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${problemMediaType}; charset=utf-8`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // Who does not close its side keeps no descriptor of ours.
  setTimeout(() => socket.destroy(), refusedLingerMs).unref();
}

async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  makeFolder(path.dirname(socketPath));
  if (isSocket(socketPath)) {
    if (await isServed(socketPath)) throw served();
    rmSync(socketPath, { force: true });
  }
  await begin(server, () => {
    // The mode is right from the first moment: a chmod afterwards would leave a gap.
    const umask = process.umask(0o777 & ~socketMode);
    server.listen(socketPath);
    process.umask(umask);
  });
}

/** Makes the folder itself, but none above it: that would be a mistyped path. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT") throw error;
    throw new Error(`the folder ${path.dirname(folder)} does not exist`, { cause: error });
  }
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
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const socket = connect({ path: socketPath });
  socket.once("connect", () => resolve(true));
  socket.once("error", ({ code, message }: NodeJS.ErrnoException) => {
    if (code === "ECONNREFUSED" || code === "ENOENT") resolve(false);
    // Another program's datagram socket, one that this user may not use: not ours to remove.
    else reject(new Error(`a socket is there that may be in use (${message}); remove it`));
  });
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
