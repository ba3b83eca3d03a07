// Which socket is libvirt's: the modular daemon's where there is one, else the monolithic one's.

import { existsSync } from "node:fs";
import { LibvirtConnectionError } from "./errors.ts";

/** Read-only sockets in the order in which they are looked for. */
export const defaultSocketPaths: readonly string[] = [
  "/run/libvirt/virtqemud-sock-ro",
  "/run/libvirt/libvirt-sock-ro",
];

/**
 * Finds libvirt's socket, and stays with the one that it was told to keep.
 *
 * A host can have both daemons, and only one of them knows its domains: the other would answer "no
 * domains" and be believed. So once one answered, a socket that vanishes is waited for, never
 * replaced by the other.
 */
export class SocketDiscovery {
  readonly #paths: readonly string[];
  #kept: string | undefined;

  /** @param configured the one path to use; without it `paths` are tried */
  constructor(configured?: string, paths: readonly string[] = defaultSocketPaths) {
    this.#paths = paths;
    this.#kept = configured;
  }

  /** @throws LibvirtConnectionError `no-socket` when none of the paths exists */
  find(): string {
    if (this.#kept !== undefined) return this.#kept;
    const path = this.#paths.find((candidate) => existsSync(candidate));
    if (path !== undefined) return path;
    const text = `cannot find libvirt's read-only socket: neither ${this.#paths.join(" nor ")} exists; start libvirt, or configure its socket`;
    throw new LibvirtConnectionError("no-socket", text);
  }

  /** Fixes the answer from now on: libvirt answered on this path. */
  keep(path: string): void {
    this.#kept = path;
  }
}
