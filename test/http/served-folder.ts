// A folder for sockets, the listeners that a test opened, and an end to all of it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { StreamLimits } from "../../src/http/event-stream.ts";
import { type ListenAddress, type Listener, listen } from "../../src/http/listeners.ts";
import { Api } from "./api.ts";

export class ServedFolder implements AsyncDisposable {
  readonly api: Api;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "vmsyncd-http-"));
  readonly #listeners: Listener[] = [];

  private constructor(api: Api) {
    this.api = api;
  }

  static async make(streams?: StreamLimits): Promise<ServedFolder> {
    return new ServedFolder(await Api.start(undefined, undefined, streams));
  }

  file(name = "vmsyncd.sock"): string {
    return path.join(this.#folder, name);
  }

  async listen(where: ListenAddress, limits?: { closeMs: number }): Promise<Listener> {
    const listener = await listen(this.api.app, where, limits);
    this.#listeners.push(listener);
    return listener;
  }

  socket(name?: string, limits?: { closeMs: number }): Promise<Listener> {
    return this.listen({ kind: "unix", path: this.file(name) }, limits);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.api.observer.release();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.api[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
